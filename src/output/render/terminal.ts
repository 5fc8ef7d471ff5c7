import type { Encoded } from '../../core/encoded.ts'
import type { Document } from '../document.ts'
import { terminal } from '../encode/terminal.ts'
import { plainLines } from './plain.ts'

/** A document as lines of plain text, without colour; complete, whatever the width. */
export function renderTerminal(document: Document): Encoded<'terminal'> {
  return terminal`${terminal.join(plainLines(document, terminal), '\n')}\n`
}
