/** The verifier that every package brings along: one program, and the same as one page. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

export type Verifier = { readonly program: Buffer; readonly page: Buffer }

/**
 * @param folder - of `verify.mjs` and `page.html`
 * @returns the program, and a page that runs this program and nothing else: its policy names the hash of it
 */
export function loadVerifier(folder: URL): Verifier {
  const program = readFileSync(new URL('verify.mjs', folder), 'utf8')
  const page = readFileSync(new URL('page.html', folder), 'utf8')
  const style = /<style>([\s\S]*?)<\/style>/.exec(page)?.[1] ?? ''
  const policy = `default-src 'none'; script-src '${sourceOf(program)}'; style-src '${sourceOf(style)}'; base-uri 'none'; form-action 'none'`
  return {
    program: Buffer.from(program),
    page: Buffer.from(
      // A function: a text of replacement would give a meaning to its dollar signs.
      page.replace('POLICY', () => policy).replace('PROGRAM', () => program),
    ),
  }
}

/** How a content security policy names a text. */
function sourceOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}
