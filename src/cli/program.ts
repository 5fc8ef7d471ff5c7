import { readFileSync } from 'node:fs'

const root = new URL('../../', import.meta.url)

/** Version of the program, from its package. */
export const PROGRAM_VERSION: string = (
  JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { readonly version: string }
).version

/** Folder of the rules. */
export const RULES: URL = new URL('rules/', root)

/** Folder of the event schemas. */
export const SCHEMAS: URL = new URL('schemas/events/', root)

/** Folder of the verifier that evidence packages bring along. */
export const VERIFIER: URL = new URL('evidence/', root)

/** Folder of the red team's texts. */
export const REDTEAM: URL = new URL('redteam/', root)
