import { fromVisible, toVisible, toVisibleParts } from './visible.ts'

const COWRIE_ESCAPED = /^(?:[^\\]|\\\\|\\x[0-9a-f]{2})*$/
const BYTES_LITERAL =
  /^b(?:'((?:[^\\']|\\[\\'"nrt]|\\x[0-9a-f]{2})*)'|"((?:[^\\"]|\\[\\'"nrt]|\\x[0-9a-f]{2})*)")$/
const ESCAPE = /\\(?:x([0-9a-f]{2})|([\\'"nrt]))/g

/**
 * The text of a credential as the attacker sent it, in visible form, whatever version of Cowrie wrote it.
 *
 * Since 3.0.5 Cowrie writes every byte outside 0x20-0x7e as `\xNN` and doubles backslashes; before, bytes that are
 * not UTF-8 became the text of a Python bytes literal. Either spelling is undone only if every backslash of the field
 * fits it; otherwise the text is taken as it stands.
 *
 * @param view - the field as it stands in a payload (visible form)
 */
export function credentialText(view: string): string {
  const literal = view.startsWith("b'") || view.startsWith('b"')
  if (!literal && !view.includes('\\')) return view
  const text = fromVisible(view)
  if (literal) {
    const found = BYTES_LITERAL.exec(text)
    const inner = found?.[1] ?? found?.[2]
    // Cowrie wrote a literal only for bytes that are not UTF-8; a literal of plain text was typed by the attacker.
    if (inner !== undefined && /\\x[89a-f]/.test(inner)) return bytesText(inner)
  }
  if (!text.includes('\\') || !COWRIE_ESCAPED.test(text)) return view
  return bytesText(text)
}

function bytesText(escaped: string): string {
  const bytes = escaped.replace(ESCAPE, (_, hex?: string, letter?: string) =>
    hex !== undefined
      ? String.fromCharCode(Number.parseInt(hex, 16))
      : (LETTERS[letter!] ?? letter!),
  )
  // Since 3.0.5 the field is pure ASCII; text that already holds wider characters was not escaped byte by byte.
  if (/[^\u0000-\u00ff]/.test(bytes)) return toVisible(bytes)
  const raw = Buffer.from(bytes, 'latin1')
  const decoded = raw.toString('utf8')
  // Bytes that are no UTF-8 keep their spelling as bytes, in the visible form of a byte.
  return Buffer.from(decoded, 'utf8').equals(raw) ? toVisible(decoded) : visibleBytes(raw)
}

const LETTERS: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' }

function visibleBytes(raw: Buffer): string {
  const parts: (string | number)[] = []
  for (const byte of raw) {
    if (byte >= 0x80) parts.push(byte)
    else if (typeof parts.at(-1) === 'string') parts[parts.length - 1] += String.fromCharCode(byte)
    else parts.push(String.fromCharCode(byte))
  }
  return toVisibleParts(parts)
}
