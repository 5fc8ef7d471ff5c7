/** Figures as people read them, for every page. */
import type { Encoded } from '../core/encoded.ts'
import { html } from './encode/html.ts'

/** A whole number with thin spaces. */
export function number(value: number): Encoded<'html'> {
  // Blanks that are not ASCII are spelled out in texts; between groups of digits they are literals of ours.
  return html.join(value.toLocaleString('en-GB').split(',').map(html.own), '\u202f')
}

/** Bytes in decimal units. */
export function bytes(value: number): Encoded<'html'> {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let unit = 0
  let size = value
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000
    unit += 1
  }
  return html.own(`${unit === 0 ? size : size.toFixed(size < 10 ? 2 : 1)} ${units[unit]!}`)
}

/** Words of the levels of a score. */
export const LEVEL_WORDS = ['none', 'low', 'moderate', 'high', 'critical'] as const

/** @param score - 0 to 100 @returns 0 for no score, else 1 to 4 */
export function levelOf(score: number): 0 | 1 | 2 | 3 | 4 {
  return score <= 0 ? 0 : score < 25 ? 1 : score < 50 ? 2 : score < 75 ? 3 : 4
}
