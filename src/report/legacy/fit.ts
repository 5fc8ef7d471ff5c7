/** What the predecessors' documents have no place for. */
import { UsageError } from '../../core/errors.ts'
import type { Period } from '../model.ts'

export type LegacyWish = {
  readonly kind: Period['kind']
  /** Whether it is the JSON document; else one of the texts. */
  readonly isJson: boolean
  /** How many are named; 0 for all together. */
  readonly sensors: number
  /** Options that were given. */
  readonly compare: boolean
  readonly brief: boolean
  readonly top: boolean
}

/** Why a wish cannot be met, by what of it cannot; nothing where it can. */
export function legacyProblems(
  wish: LegacyWish,
): ReadonlyMap<'sensors' | 'compare' | 'brief' | 'top', UsageError> {
  const refused = (message: string, hint: string) =>
    new UsageError('USAGE_BAD_OPTION', message, { hint })
  const problems = new Map<'sensors' | 'compare' | 'brief' | 'top', UsageError>()
  if (wish.sensors > 1)
    problems.set(
      'sensors',
      refused('The legacy formats are for one sensor, or for all.', 'Name one, or none.'),
    )
  const other = 'Leave it out, or choose another format.'
  if (wish.compare) problems.set('compare', refused('The legacy formats compare nothing.', other))
  if (wish.brief) problems.set('brief', refused('The legacy formats have no brief form.', other))
  // The others are made of all sessions, or of figures alone.
  if (wish.top && !(wish.isJson && wish.kind === 'daily'))
    problems.set(
      'top',
      refused('Of the legacy formats the daily legacy-json alone has lists to shorten.', other),
    )
  return problems
}
