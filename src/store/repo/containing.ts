/** Texts that hold a part. */
import { type RawBuilder, sql } from 'kysely'

/** Whether a text holds a part, whatever the case of its ASCII letters; the same on every engine. */
export function containing(text: RawBuilder<string>, part: string): RawBuilder<boolean> {
  const lower = part.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
  const pattern = `%${lower.replace(/[\\%_]/g, (found) => `\\${found}`)}%`
  return sql`lower(${text}) like ${pattern} escape '\\'`
}
