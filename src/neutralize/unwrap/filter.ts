import type { Layer } from '../../core/verdict.ts'
import type { Trace } from './trace.ts'

/** What a command is given when its output is worked out. */
export type FilterInput = {
  readonly args: readonly string[]
  /** What comes from a pipe, a here-document or a known file; undefined when there is none or it is not known. */
  readonly input: Buffer | undefined
  /** Contents of a file that this very text wrote. */
  readonly file: (name: string) => Buffer | undefined
  readonly trace: Trace
}

export type FilterOutput = {
  readonly bytes: Buffer
  /** What the command undid; undefined for one that passes its input on. */
  readonly layer?: Layer
}

/** A command whose output follows from its words and its input. Undefined when it cannot be told. */
export type Filter = {
  readonly names: readonly string[]
  readonly run: (given: FilterInput) => FilterOutput | undefined
}

/** The input of a filter that may name one file: words that are no options. */
export function inputOf(given: FilterInput, operands: readonly string[]): Buffer | undefined {
  const name = operands[0]
  if (operands.length > 1) return undefined
  if (name === undefined || name === '-' || name === '/dev/stdin') return given.input
  return given.file(name)
}
