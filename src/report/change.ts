/** How a figure changed, in the words that suit its size: a share of next to nothing tells nobody anything. */

/** Below so many before, the two numbers say more than what one is of the other. */
const FEW = 20
/** From so many times on, nobody reads percent. */
const MANY_TIMES = 10

export type Change =
  /** Nothing now and before. */
  | { readonly kind: 'none' }
  /** Nothing before. */
  | { readonly kind: 'fromNone' }
  | { readonly kind: 'same' }
  /** Both numbers are to be told. */
  | { readonly kind: 'fromTo' }
  /** So many times as many as before, rounded. */
  | { readonly kind: 'times'; readonly times: number }
  /** More or, below 0, fewer by so many percent; not rounded. */
  | { readonly kind: 'percent'; readonly percent: number }

/** @param figure - counts, 0 or more */
export function changeOf({
  now,
  before,
}: {
  readonly now: number
  readonly before: number
}): Change {
  if (before === 0) return { kind: now === 0 ? 'none' : 'fromNone' }
  if (now === before) return { kind: 'same' }
  if (before < FEW) return { kind: 'fromTo' }
  if (now >= before * MANY_TIMES) return { kind: 'times', times: Math.round(now / before) }
  const percent = ((now - before) / before) * 100
  // A few of very many are not "100 % fewer".
  return now > 0 && percent <= -99.5 ? { kind: 'fromTo' } : { kind: 'percent', percent }
}
