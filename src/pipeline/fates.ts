import type { Fates } from '../store/port.ts'

/** Nothing counted yet. */
export function noFates(): Fates {
  return { lines: 0, stored: 0, duplicate: 0, held: 0, dead: 0, blank: 0, expired: 0 }
}

export function addFates(total: Fates, more: Fates): void {
  total.lines += more.lines
  total.stored += more.stored
  total.duplicate += more.duplicate
  total.held += more.held
  total.dead += more.dead
  total.blank += more.blank
  total.expired += more.expired
}

/** Whether every record has exactly one fate. */
export function isBalanced(fates: Fates): boolean {
  const { lines, stored, duplicate, held, dead, blank, expired } = fates
  return lines === stored + duplicate + held + dead + blank + expired
}
