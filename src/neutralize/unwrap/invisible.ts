import type { Trace } from './trace.ts'

// Soft hyphen, zero-width and bidi marks, fillers, variation selectors, tags; NUL, which a shell drops.
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Bidi_Control}\ufeff\ufff9-\ufffb\u0000]+/gu
const TAG = /[\u{e0020}-\u{e007e}]/gu

/** Takes out the characters that show nothing. */
export function undoInvisible(text: string, trace: Trace): string {
  const undone = text.replace(INVISIBLE, '')
  if (undone !== text) trace.layers.add('invisible')
  return undone
}

/** Spells out text that is written in tag characters, invisible to people and plain to language models. */
export function undoTags(text: string, trace: Trace): string {
  const undone = text.replace(TAG, (tag) => String.fromCharCode(tag.codePointAt(0)! - 0xe0000))
  if (undone !== text) trace.layers.add('invisible')
  return undone
}
