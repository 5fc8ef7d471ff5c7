/** A step from one schema version to the next, for each engine side by side. */
export type Migration = {
  readonly id: number
  readonly name: string
  /** Why the schema changes. */
  readonly reason: string
  readonly up: { readonly sqlite: readonly string[]; readonly postgres: readonly string[] }
  readonly down: { readonly sqlite: readonly string[]; readonly postgres: readonly string[] }
}
