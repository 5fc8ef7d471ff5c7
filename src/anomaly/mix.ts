/** How far the mix of one hour lies from the usual one. */

/** Sessions by country or network. */
export type Mix = ReadonlyMap<string, number>

export function sizeOf(mix: Mix): number {
  let sum = 0
  for (const count of mix.values()) sum += count
  return sum
}

/**
 * Jensen-Shannon divergence of two mixes, thousandths of a bit: 0 where they are the same, 1,000 where they have nothing
 * in common.
 *
 * A small sample of the very same mix lies off by chance, by (groups - 1) / (8 n ln 2) bits in the mean: that much is
 * taken off.
 */
export function shiftOf(now: Mix, usual: Mix): number {
  const [n, all] = [sizeOf(now), sizeOf(usual)]
  if (n === 0 || all === 0) return 0
  let bits = 0
  let groups = 0
  for (const name of new Set([...now.keys(), ...usual.keys()])) {
    const p = (now.get(name) ?? 0) / n
    const q = (usual.get(name) ?? 0) / all
    const middle = (p + q) / 2
    if (p > 0) bits += (p / 2) * Math.log2(p / middle)
    if (q > 0) bits += (q / 2) * Math.log2(q / middle)
    // Groups that one would expect to meet in so small a sample.
    if (p > 0 || q * n >= 1) groups += 1
  }
  const byChance = (groups - 1) / (8 * n * Math.LN2)
  return Math.round(1_000 * Math.max(0, bits - byChance))
}

/** The groups that moved most, those that grew first. */
export function movedMost(
  now: Mix,
  usual: Mix,
  most: number,
): { readonly name: string; readonly count: number; readonly usual: number }[] {
  const [n, all] = [sizeOf(now), sizeOf(usual)]
  return [...now]
    .map(([name, count]) => ({
      name,
      count,
      usual: all === 0 ? 0 : Math.round((1_000 * (usual.get(name) ?? 0)) / all),
    }))
    .sort((a, b) => b.count / n - b.usual / 1_000 - (a.count / n - a.usual / 1_000))
    .slice(0, most)
}
