import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { UsageError } from '../core/errors.ts'
import { LIMITS } from '../limits.ts'

/** A text that attacks who reads it. */
export type Payload = {
  /** Its class and number: `csv-12`. */
  readonly id: string
  /** Words of ours, joined by `-`. */
  readonly class: string
  readonly text: string
}

const CLASS = /^[a-z][a-z0-9-]{0,39}$/

/**
 * The payloads of a file, or of the files of a folder: a JSON list of texts or of `{text, class}`, else one text a line.
 *
 * @returns without empty ones and those that stand there twice
 * @throws UsageError when it cannot be read, or holds too much
 */
export function readPayloads(path: string): readonly Payload[] {
  const found = new Map<string, { readonly class: string; readonly text: string }>()
  for (const file of filesOf(path)) {
    for (const one of readFile(file)) {
      if (one.text === '') continue
      found.set(`${one.class} ${one.text}`, one)
      if (found.size > LIMITS.redteamPayloadsMax)
        throw new UsageError(
          'USAGE_BAD_OPTION',
          `${path} holds more than ${LIMITS.redteamPayloadsMax} payloads.`,
          { hint: 'Cut it into several, and run them one after the other.' },
        )
    }
  }
  return numbered([...found.values()])
}

/** Gives payloads their ids: numbers within a class. */
export function numbered(
  all: readonly { readonly class: string; readonly text: string }[],
): readonly Payload[] {
  const counts = new Map<string, number>()
  return all.map(({ class: name, text }) => {
    const n = (counts.get(name) ?? 0) + 1
    counts.set(name, n)
    return { id: `${name}-${n}`, class: name, text }
  })
}

function filesOf(path: string): readonly string[] {
  try {
    if (!statSync(path).isDirectory()) return [path]
    return readdirSync(path)
      .sort()
      .map((name) => join(path, name))
      .filter((file) => statSync(file).isFile())
  } catch {
    throw unreadable(path)
  }
}

function readFile(path: string): readonly { readonly class: string; readonly text: string }[] {
  const text = readText(path)
  const list = jsonList(text)
  if (list === undefined)
    return text
      .split('\n')
      .map((line) => ({ class: 'other', text: short(line.replace(/\r$/, '')) }))
  return list.map((one) => {
    if (typeof one === 'string') return { class: 'other', text: short(one) }
    const { text: own, class: name } = (one ?? {}) as Readonly<Record<string, unknown>> // fields of null are none
    if (typeof own !== 'string') throw unreadable(path)
    return {
      class: typeof name === 'string' && CLASS.test(name) ? name : 'other',
      text: short(own),
    }
  })
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    throw unreadable(path)
  }
}

function jsonList(text: string): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

function short(text: string): string {
  return text.slice(0, LIMITS.redteamTextCharsMax)
}

function unreadable(path: string): UsageError {
  return new UsageError('USAGE_BAD_OPTION', `${path} is no list of payloads.`, {
    hint: 'Name a file or folder that may be read: one text a line, or a JSON list of texts or of {"text", "class"}.',
  })
}
