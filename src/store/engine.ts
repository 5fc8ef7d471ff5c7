/**
 * In what the databases differ for queries that are written once. Each engine implements it in the folder of its name;
 * `docs/operations/queries.md` shows both answers side by side.
 */
import type { Kysely, RawBuilder } from 'kysely'
import type { Column, Database } from './schema.ts'

export type Engine = {
  /** A field of the payload that is text; null where it is absent or of another type. */
  jsonText(field: string): RawBuilder<string | null>
  /** Every table and column, with what protects it. */
  readonly tables: Readonly<Record<string, Readonly<Record<string, Column>>>>
  /** The plan of a query as text, one step a line. */
  explain(query: Kysely<Database>, statement: CompiledStatement): Promise<string>
}

export type CompiledStatement = { readonly sql: string; readonly parameters: readonly unknown[] }
