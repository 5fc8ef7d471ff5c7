import type { Trace } from './trace.ts'

// Ranges whose compatibility forms are ASCII: modifier, super- and subscript letters, spaces and dots, letterlike
// symbols, Roman and enclosed letters, small and full-width forms, mathematical alphabets, enclosed and squared ones.
// Arabic and CJK ligatures, which become up to 18 characters, spell no command.
const LETTERS =
  /[\u00a0\u00aa\u00b2\u00b3\u00b9\u00ba\u017f\u01c7-\u01cc\u01f1-\u01f3\u02b0-\u02b8\u02e1-\u02e3\u037e\u1d2c-\u1d6a\u2000-\u200a\u2024-\u2026\u202f\u203c\u2047-\u2049\u205f\u2070-\u209c\u2100-\u214e\u2160-\u217f\u2460-\u24ea\u2c7c\u2c7d\u3000\ufb00-\ufb06\ufe13-\ufe19\ufe30-\ufe6b\uff01-\uff5e\u{1d400}-\u{1d7ff}\u{1f100}-\u{1f14f}]+/gu

/** Folds full-width, mathematical and other compatibility letters to plain ones (NFKC). */
export function undoCompatibility(text: string, trace: Trace): string {
  const undone = text.replace(LETTERS, (run) => run.normalize('NFKC'))
  if (undone !== text) trace.layers.add('compatibility')
  return undone
}
