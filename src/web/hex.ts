/** A text as bytes: what hides in it shows. Only hexadecimal digits and printable ASCII are written. */
import { LIMITS } from '../limits.ts'
import { fromVisible, needsVisible } from '../neutralize/visible.ts'
import { html } from './components.ts'
import type { Html } from './route.ts'

type Byte = { readonly value: number; readonly isHostile: boolean }

/** @param text - in visible form; its first 512 bytes are shown */
export function hexDump(text: string): Html {
  const { bytes, isCut } = bytesOf(text)
  const lines: Html[] = []
  for (let at = 0; at < bytes.length; at += 16) {
    const row = bytes.slice(at, at + 16)
    const cells = Array.from({ length: 16 }, (_, i) => {
      const gap = i === 8 ? html`  ` : i === 0 ? html`` : html` `
      const one = row[i]
      if (one === undefined) return html`${gap}  `
      const digits = html.own(one.value.toString(16).padStart(2, '0'))
      return one.isHostile ? html`${gap}<span class="b">${digits}</span>` : html`${gap}${digits}`
    })
    const shown = row.map((one) =>
      one.value >= 0x20 && one.value < 0x7f && !one.isHostile
        ? html.own(String.fromCharCode(one.value))
        : html`<span class="${one.isHostile ? html`b` : html`n`}">·</span>`,
    )
    lines.push(
      html`<span class="o">${html.own(at.toString(16).padStart(4, '0'))}</span>  ${html.join(cells)}  ${html.join(shown)}`,
    )
  }
  if (isCut)
    lines.push(html`<span class="n">… only the first ${LIMITS.webHexBytesMax} bytes</span>`)
  return html`<pre class="hexd" tabindex="0" aria-label="Bytes, hexadecimal">${html.join(lines, '\n')}</pre>`
}

function bytesOf(visible: string): { readonly bytes: readonly Byte[]; readonly isCut: boolean } {
  const bytes: Byte[] = []
  for (const char of fromVisible(visible)) {
    const code = char.codePointAt(0)!
    const isHostile = needsVisible(char)
    // A byte that was not UTF-8 comes back as one of these.
    const values = code >= 0xdc80 && code <= 0xdcff ? [code - 0xdc00] : utf8Of(char, code)
    for (const value of values) bytes.push({ value, isHostile })
    if (bytes.length > LIMITS.webHexBytesMax)
      return { bytes: bytes.slice(0, LIMITS.webHexBytesMax), isCut: true }
  }
  return { bytes, isCut: false }
}

function utf8Of(char: string, code: number): readonly number[] {
  // Half of a surrogate pair has no UTF-8; this is what its three bytes would be.
  if (code >= 0xd800 && code <= 0xdfff)
    return [0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)]
  return [...Buffer.from(char, 'utf8')]
}
