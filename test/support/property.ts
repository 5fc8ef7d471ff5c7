/**
 * fast-check with a seed: every run of the suite tries the same cases, so that a red run is due to the change.
 *
 * `NACRE_TEST_SEED=N` draws others, `NACRE_TEST_SEED=random` new ones each time. A case that was found so becomes an
 * example of its own beside the property.
 */
import fc from 'fast-check'

const asked = process.env['NACRE_TEST_SEED'] ?? '1'
if (asked !== 'random') {
  const seed = Number(asked)
  if (!Number.isSafeInteger(seed)) throw new Error(`NACRE_TEST_SEED is no whole number: ${asked}`)
  fc.configureGlobal({ seed })
}

export { fc }
