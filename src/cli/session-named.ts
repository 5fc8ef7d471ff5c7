import { LookupFailed } from '../core/errors.ts'
import { ownText } from '../core/event.ts'
import { visibleName } from '../neutralize/visible.ts'
import type { SessionRecord, Store } from '../store/port.ts'

/**
 * The session of an id.
 *
 * @param sensor - option `--sensor`, where it was given
 * @throws LookupFailed `LOOKUP_NO_SESSION`, `LOOKUP_AMBIGUOUS`
 */
export async function sessionNamed(
  store: Store,
  given: string,
  sensor: unknown,
): Promise<SessionRecord> {
  const { findSessions } = await import('../store/repo/sessions.ts')
  const id = visibleName(given)
  const filter = {
    session: id,
    sensor: typeof sensor === 'string' ? visibleName(sensor) : undefined,
  }
  const found: SessionRecord[] = []
  if (id !== '') for await (const one of findSessions(store.query, filter, 20)) found.push(one)
  if (found[0] === undefined) {
    throw new LookupFailed('LOOKUP_NO_SESSION', 'There is no session of this id.', {
      hint: '"nacre sessions --limit 10" lists some; ids are compared exactly.',
    })
  }
  if (found.length > 1) {
    const sensors = found.map((one) => one.sensor).join(', ')
    throw new LookupFailed(
      'LOOKUP_AMBIGUOUS',
      `${found.length} sensors have a session of this id: ${sensors}.`,
      { hint: 'Name one with --sensor.', context: { sensors: ownText(String(found.length)) } },
    )
  }
  return found[0]
}
