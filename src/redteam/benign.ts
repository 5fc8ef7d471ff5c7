import { readFileSync } from 'node:fs'
import { UsageError } from '../core/errors.ts'
import { FIELD_CLASSES, type FieldClass, type TextMatcher } from '../core/verdict.ts'

/** Ordinary texts, by what kind of text they are. */
export type Benign = readonly { readonly kind: FieldClass; readonly text: string }[]

/** A rule that hit an ordinary text. */
export type FalsePositive = {
  readonly kind: FieldClass
  readonly text: string
  readonly rule: string
  readonly score: number
}

/** Rules below this score only count; nobody is alarmed by them. */
export const FALSE_POSITIVE_SCORE = 50

/**
 * Ordinary texts of a file: a JSON object with lists named by kind of text, else one command a line.
 *
 * @throws UsageError when it cannot be read
 */
export function readBenign(path: string | URL): Benign {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    throw new UsageError('USAGE_BAD_OPTION', 'The file of ordinary texts cannot be read.', {
      hint: 'Name a file that is there and may be read.',
    })
  }
  const lists = jsonObject(text)
  if (lists === undefined)
    return text
      .split('\n')
      .map((line) => line.replace(/\r$/, ''))
      .filter((line) => line !== '')
      .map((line) => ({ kind: 'command' as const, text: line }))
  return Object.entries(lists).flatMap(([name, list]) => {
    const kind = FIELD_CLASSES.find((one) => one === name || `${one}s` === name)
    if (kind === undefined || !Array.isArray(list)) return []
    return list.flatMap((one) => (typeof one === 'string' ? [{ kind, text: one }] : []))
  })
}

function jsonObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>) // neither null nor a list
      : undefined
  } catch {
    return undefined
  }
}

/** @param scoreOf - the score of a rule */
export function falsePositives(
  benign: Benign,
  rules: TextMatcher,
  scoreOf: (rule: string) => number,
): readonly FalsePositive[] {
  return benign.flatMap(({ kind, text }) =>
    rules
      .match(text, kind)
      .rules.map((rule) => ({ kind, text, rule, score: scoreOf(rule) }))
      .filter(({ score }) => score >= FALSE_POSITIVE_SCORE),
  )
}
