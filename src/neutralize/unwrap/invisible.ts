import type { Trace } from './trace.ts'

// Soft hyphen, zero-width and bidi marks, fillers, variation selectors, tags.
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Bidi_Control}\ufeff\ufff9-\ufffb]+/gu
const TAG = /[\u{e0020}-\u{e007e}]/gu

/** Takes out the characters that show nothing. */
export function undoInvisible(text: string, trace: Trace): string {
  const undone = text.replace(INVISIBLE, '')
  if (undone !== text) trace.layers.add('invisible')
  return undone
}

/** Takes out NUL. */
export function undoNul(text: string, trace: Trace): string {
  if (!text.includes('\0')) return text
  trace.layers.add('invisible')
  return text.replaceAll('\0', '')
}

/** Spells out text that is written in tag characters, invisible to people and plain to language models. */
export function undoTags(text: string, trace: Trace): string {
  const undone = text.replace(TAG, (tag) => String.fromCharCode(tag.codePointAt(0)! - 0xe0000))
  if (undone !== text) trace.layers.add('invisible')
  return undone
}
