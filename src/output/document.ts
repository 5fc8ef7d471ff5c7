/** A document before anyone knows where it goes: facts, tables and notes, every value typed by where it comes from. */
import type { InstantUs } from '../core/instant.ts'
import type { SafeText } from '../core/text.ts'

/** What a text is to those who hunt for it; the STIX output makes a pattern of it. */
export type Observable = 'address' | 'url' | 'command' | 'sha256' | 'username' | 'password' | 'file'

export type Field = {
  readonly name: SafeText
  readonly value: SafeText
  readonly observable?: Observable | undefined
}

export type Cell =
  /** Text of an attacker, or of unknown origin. */
  | { readonly kind: 'text'; readonly text: SafeText; readonly observable?: Observable }
  /** Words of the program. */
  | { readonly kind: 'label'; readonly label: string }
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'instant'; readonly us: InstantUs }
  /** A payload: names and values are the attacker's. */
  | { readonly kind: 'fields'; readonly fields: readonly Field[] }
  | { readonly kind: 'none' }

/** @param name - lower-case words joined by `_`: the key for machines; people read it without the joints */
export type Fact = { readonly name: string; readonly cell: Cell }

export type Table = {
  readonly name: string
  /** Names of the columns, as those of facts. */
  readonly columns: readonly string[]
  /** Rows of as many cells as there are columns. */
  readonly rows: readonly (readonly Cell[])[]
}

export type Document = {
  /** What it is, in one word: the subject line starts with it. */
  readonly kind: string
  /** What it is about. */
  readonly subject: Cell
  readonly madeAtUs: InstantUs
  readonly facts: readonly Fact[]
  readonly tables: readonly Table[]
  /** Sentences, each of parts that are set apart by a blank. */
  readonly notes: readonly (readonly Cell[])[]
}

export function text(value: SafeText | null, observable?: Observable): Cell {
  if (value === null) return { kind: 'none' }
  return observable === undefined
    ? { kind: 'text', text: value }
    : { kind: 'text', text: value, observable }
}

export function label(words: string): Cell {
  return { kind: 'label', label: words }
}

export function count(value: number | null): Cell {
  return value === null ? { kind: 'none' } : { kind: 'number', value }
}

export function instant(us: InstantUs): Cell {
  return { kind: 'instant', us }
}

export function fields(all: readonly Field[]): Cell {
  return { kind: 'fields', fields: all }
}

/** Every cell of a document, in order. */
export function* cellsOf(document: Document): Generator<Cell> {
  yield document.subject
  for (const { cell } of document.facts) yield cell
  for (const { rows } of document.tables) for (const row of rows) yield* row
  for (const note of document.notes) yield* note
}

/** A name as people read it. */
export function titleOf(name: string): string {
  return name.replaceAll('_', ' ')
}
