/** Takes out of single texts what a level does not show. */
import { createHmac } from 'node:crypto'
import type { SafeText } from '../core/text.ts'
import { Networks, PRIVATE_NETWORKS } from './addresses.ts'
import { shortenCommand } from './command.ts'
import { COMMON } from './common.ts'
import { type Level, type TextKind, TREATMENTS, WITHHELD } from './levels.ts'

export type RedactorParts = {
  readonly level: Level
  /** Secret of the store: pseudonyms are made with it, so that nobody can try names until one fits. 32 bytes. */
  readonly key: Uint8Array
  /** Networks of the operator, besides the private ones. */
  readonly ownAddresses: readonly string[]
  /** Host names and other words that name the operator. */
  readonly ownNames: readonly string[]
  /** Names of all sensors of the store. */
  readonly sensors: readonly string[]
  /** Takes personal data out of a text; the same text where there is none. */
  readonly pii: (text: string) => string
}

export const OWN_ADDRESS = '[own address]'
export const OWN_NAME = '[own name]'

/** Shorter names of sensors are not looked for in texts: `t1` stands in half of all commands. */
const NAME_CHARS_MIN = 4

const FORMS: Readonly<Partial<Record<TextKind, RegExp>>> = {
  session: /^(?:[0-9a-f]{8,16}|T?[0-9]{1,10})$/,
  eventid: /^cowrie(?:\.[a-z0-9_-]{1,40}){1,4}$/,
  protocol: /^(?:ssh|telnet)$/,
  version: /^SSH-[0-9.]{1,4}-[A-Za-z0-9_.+ -]{1,60}$/,
  algorithm: /^[A-Za-z0-9@.,;_-]{0,2000}$/,
  hash: /^(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{16}\.\.\.)$/,
}

export class Redactor {
  readonly level: Level
  readonly #key: Uint8Array
  readonly #own: Networks
  readonly #names: RegExp | undefined
  readonly #sensors: ReadonlyMap<string, string>
  readonly #sensorNames: RegExp | undefined
  readonly #pii: (text: string) => string

  constructor(parts: RedactorParts) {
    this.level = parts.level
    this.#key = parts.key
    this.#own = new Networks([...PRIVATE_NETWORKS, ...parts.ownAddresses])
    this.#names = wordsPattern(parts.ownNames)
    this.#sensors = new Map(parts.sensors.map((name) => [name, this.#pseudonym(name)]))
    // Events that name no sensor are kept under this word, which is no name.
    this.#sensorNames = wordsPattern(
      parts.sensors.filter((name) => name.length >= NAME_CHARS_MIN && name !== 'unknown'),
    )
    this.#pii = parts.pii
  }

  /** Whether the level leaves a field of this kind out altogether. */
  drops(kind: TextKind): boolean {
    return TREATMENTS[kind][this.level] === 'drop'
  }

  /**
   * What the level shows of a text.
   *
   * @param text - in visible form; so is what comes back: words of ours in the place of pieces make no escape of it
   */
  text(kind: TextKind, text: SafeText): SafeText {
    return this.plain(kind, text) as SafeText
  }

  /** The same for a text whose type was lost on the way. */
  plain(kind: TextKind, text: string): string {
    switch (TREATMENTS[kind][this.level]) {
      case 'keep':
        return text
      case 'scrub':
        return this.#scrub(text)
      case 'pseudonym':
        return this.#sensors.get(text) ?? this.#pseudonym(text)
      case 'common':
        return this.#common(kind, text)
      case 'shorten':
        return this.#scrub(shortenCommand(text, (url) => this.#bare(url)))
      case 'bare':
        return this.#bare(text)
      case 'form':
        if (FORMS[kind]?.test(text) === true) return this.#scrub(text)
        return kind === 'session' ? this.#mark(kind, text) : WITHHELD
      case 'withhold':
      case 'drop':
        return text === '' ? '' : kind === 'ownAddress' ? OWN_ADDRESS : WITHHELD
    }
  }

  #scrub(text: string): string {
    let kept = this.#own.replaceIn(text, OWN_ADDRESS)
    if (this.#sensorNames !== undefined)
      kept = kept.replace(this.#sensorNames, (name) => this.#sensors.get(name) ?? OWN_NAME)
    if (this.#names !== undefined) kept = kept.replace(this.#names, OWN_NAME)
    return this.#pii(kept)
  }

  #common(kind: TextKind, text: string): string {
    if (kind === 'credential') {
      // Of a text with several joints nobody knows where the password begins: it is uncommon as a whole.
      const parts = text.split(text.includes(' / ') ? ' / ' : ':')
      if (parts.length !== 2) return this.#mark('credential', text)
      const joint = text.slice(parts[0]!.length, text.length - parts[1]!.length)
      return `${this.#common('username', parts[0]!)}${joint}${this.#common('password', parts[1]!)}`
    }
    return COMMON.has(text) ? this.#scrub(text) : this.#mark(kind, text)
  }

  #mark(kind: TextKind, text: string): string {
    return `[${kind} ${this.#hash(kind, text)}]`
  }

  #bare(url: string): string {
    const found = /^([a-z][a-z0-9+.-]{1,9}:\/\/)(?:[^/?#]*@)?([^/?#@]*)([^?#]*)/i.exec(url)
    if (found === null) return WITHHELD
    return this.#scrub(found[1]! + found[2]! + found[3]!.replaceAll('@', '*'))
  }

  #pseudonym(name: string): string {
    return `sensor-${this.#hash('sensor', name)}`
  }

  /** Levels have names of their own, so that what partners know does not open what is public. */
  #hash(kind: string, text: string): string {
    return createHmac('sha256', this.#key)
      .update(`${this.level}\0${kind}\0${text}`)
      .digest('hex')
      .slice(0, 8)
  }
}

/** Any of the words, where no letter or digit goes on; the longest first. */
function wordsPattern(words: readonly string[]): RegExp | undefined {
  const all = words.filter((word) => word !== '').toSorted((a, b) => b.length - a.length)
  if (all.length === 0) return undefined
  const spelled = all.map((word) => word.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'))
  return new RegExp(`(?<![\\p{L}\\p{N}])(?:${spelled.join('|')})(?![\\p{L}\\p{N}])`, 'giu')
}
