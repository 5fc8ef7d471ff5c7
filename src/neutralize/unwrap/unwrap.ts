/**
 * Undoes what an attacker did to hide a text, so that rules meet what it comes to.
 *
 * In: a text as typed. Out: the text and what is left of it after each round of unwrapping. Promises: nothing is run,
 * nothing throws, the result depends on the text alone, time and memory are bounded by `LIMITS.unwrap*`. The results
 * are for matching: none of them is fit to be shown.
 */
import type { FieldClass, Layer } from '../../core/verdict.ts'
import { LIMITS } from '../../limits.ts'
import { undoBase64 } from './base64.ts'
import { undoCompatibility } from './compatibility.ts'
import { embeddedCommand } from './embedded.ts'
import { undoHex } from './hex.ts'
import { undoHtml } from './html.ts'
import { undoInvisible, undoNul, undoTags } from './invisible.ts'
import { undoUnicodeEscapes } from './json.ts'
import { MARKS, marksOf } from './marks.ts'
import { undoOctal } from './octal.ts'
import { undoPercent, undoPlus } from './percent.ts'
import { rewriteShell } from './shell-rewrite.ts'
import { Trace } from './trace.ts'
import { undoXEscapes } from './x-escape.ts'

export type Unwrapped = {
  /** The text as typed, then each round's result; the last is the most unwrapped. All differ. */
  readonly texts: readonly string[]
  /** What was undone, ascending. */
  readonly layers: readonly Layer[]
  /** Whether a bound ended the work: more may be hidden. */
  readonly isCut: boolean
}

/** An encoding of characters: undone wherever it stands, in texts of every class. */
type CharacterLayer = {
  /** Marks of which a text has at least one when this layer can be in it. */
  readonly marks: number
  readonly undo: (text: string, trace: Trace) => string
}

// In this order: what is outermost in a URL, a page or a program comes first.
const CHARACTER_LAYERS: readonly CharacterLayer[] = [
  { marks: MARKS.percent, undo: undoPercent },
  { marks: MARKS.ampersand, undo: undoHtml },
  { marks: MARKS.backslash, undo: undoUnicodeEscapes },
  { marks: MARKS.backslash, undo: undoXEscapes },
  { marks: MARKS.backslash, undo: undoOctal },
  { marks: MARKS.wide, undo: undoInvisible },
  { marks: MARKS.wide, undo: undoCompatibility },
]

// Blobs come once nothing else is left: what was encoded around them may be a command that decodes them.
const BLOB_LAYERS: readonly CharacterLayer[] = [
  { marks: MARKS.hexRun, undo: undoHex },
  { marks: MARKS.longRun, undo: undoBase64 },
]

/**
 * Unwraps a text.
 *
 * A command is read as a shell reads it: decoders, quoting and variables are replaced in place by what they come to,
 * so that the many spellings of one command end in nearly the same text. Of other texts only encodings of characters
 * are undone, and the shell's are where a piece of the text is plainly a command (`embedded.ts`).
 *
 * @param text - as typed, any length; bytes that were not UTF-8 stand as U+DC80 to U+DCFF
 * @param fieldClass - what kind of text it is
 */
export function unwrap(text: string, fieldClass: FieldClass): Unwrapped {
  const marks = marksOf(text)
  const isLong = text.length > LIMITS.unwrapCharsMax
  if (marks === 0) return { texts: [text], layers: [], isCut: isLong }
  const trace = new Trace(text.length)
  if (isLong) trace.isCut = true
  const texts = [text]
  const head = isLong ? text.slice(0, LIMITS.unwrapCharsMax) : text
  const seen = new Set([text, head])
  const add = (made: string): boolean => {
    if (seen.has(made)) return false
    if (texts.length >= LIMITS.unwrapTextsMax) {
      trace.isCut = true
      return false
    }
    seen.add(made)
    texts.push(made)
    return true
  }
  let current = head
  if ((marks & MARKS.wide) !== 0) {
    add(undoTags(head, trace))
    // A shell drops NUL; in traffic it is a byte like others.
    const visible = fieldClass === 'command' ? undoNul(head, trace) : head
    current = withinBound(undoCompatibility(undoInvisible(visible, trace), trace), trace)
    add(current)
  }
  let charsLeft = LIMITS.unwrapTotalCharsMax
  for (let round = 0; ; round += 1) {
    charsLeft -= current.length
    if (round >= LIMITS.unwrapRoundsMax || charsLeft < 0) {
      trace.isCut = true
      break
    }
    const made = unwrapOnce(current, fieldClass, trace)
    if (made === current) break
    const kept = withinBound(made, trace)
    if (!add(kept)) break
    current = kept
  }
  return { texts, layers: [...trace.layers].sort(), isCut: trace.isCut }
}

function withinBound(text: string, trace: Trace): string {
  if (text.length <= LIMITS.unwrapCharsMax) return text
  trace.isCut = true
  return text.slice(0, LIMITS.unwrapCharsMax)
}

/** One round: the shell's layers, and those of characters once the shell has nothing left to undo. */
function unwrapOnce(text: string, fieldClass: FieldClass, trace: Trace): string {
  const marks = marksOf(text)
  if ((marks & MARKS.shell) !== 0) {
    const made = fieldClass === 'command' ? rewriteShell(text, trace) : embeddedCommand(text, trace)
    if (made !== text) return made
  }
  let made = text
  for (const layers of [CHARACTER_LAYERS, BLOB_LAYERS]) {
    for (const layer of layers) if ((marks & layer.marks) !== 0) made = layer.undo(made, trace)
    if (made !== text) return made
  }
  return fieldClass === 'url' || fieldClass === 'data' ? undoPlus(text, trace) : text
}
