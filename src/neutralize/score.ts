import type { PlainJson, PlainObject } from '../core/json.ts'
import type { FieldClass, TextMatcher, TextVerdict, Verdict } from '../core/verdict.ts'
import { LIMITS } from '../limits.ts'
import { credentialText } from './credential.ts'
import { fromVisible } from './visible.ts'

/**
 * What kind of text each field of Cowrie's events holds; fields not named here are plain text. A map: in an object, a field
 * that an attacker calls `constructor` would find what every object has.
 */
const FIELD_CLASS: ReadonlyMap<string, FieldClass> = new Map(
  Object.entries({
    input: 'command',
    attempted_command: 'command',
    username: 'credential',
    password: 'credential',
    original_username: 'credential',
    version: 'client',
    name: 'env',
    value: 'env',
    filename: 'file',
    destfile: 'file',
    outfile: 'file',
    ttylog: 'file',
    url: 'url',
    data: 'data',
    payload: 'data',
    packet: 'data',
    message: 'text',
    key: 'text',
    fingerprint: 'text',
    realm: 'text',
    system: 'text',
    error: 'text',
    hassh: 'text',
    hasshAlgorithms: 'text',
    kexAlgs: 'text',
    keyAlgs: 'text',
    encCS: 'text',
    macCS: 'text',
    compCS: 'text',
    langCS: 'text',
    arch: 'text',
    sensor: 'text',
    session: 'text',
    eventid: 'text',
    timestamp: 'text',
    src_ip: 'text',
    dst_ip: 'text',
    protocol: 'text',
    shasum: 'text',
    dst_port: 'text',
    src_port: 'text',
    uuid: 'text',
    duration: 'text',
    ptr: 'text',
    new_ip: 'text',
    orig_ip: 'text',
  } as const satisfies Readonly<Record<string, FieldClass>>),
)

// Times, addresses, numbers, hashes, names of sensors: no rule can hit such a text.
const INERT = /^[0-9A-Za-z][0-9A-Za-z.:_-]{0,127}$/

type Finding = { readonly field: string; readonly verdict: TextVerdict }

/** What was done, for `status` and telemetry; of one scorer since it was made. */
export type ScorerFigures = {
  texts: number
  cacheHits: number
  matchUs: number
  /** Texts that took longer than five milliseconds. */
  slowTexts: number
}

/** Nothing counted yet. */
export function noFigures(): ScorerFigures {
  return { texts: 0, cacheHits: 0, matchUs: 0, slowTexts: 0 }
}

/** A character of nobody's, so that texts do not run into each other. */
const BETWEEN = '\u{f8ff}'
const SLOW_US = 5_000
/** Where nobody asks for figures. */
const NO_CLOCK = (): number => 0

/**
 * Scores events. Verdicts on texts are cached: attacks repeat.
 *
 * The verdict is a pure function of the view and the rule set, so that verification can make it again.
 */
export class EventScorer {
  readonly #matcher: TextMatcher
  readonly #nowMs: () => number
  readonly #figures = noFigures()
  /** By class; the older half is given up as a whole, so that a flood of new texts cannot grow it. */
  #young = new Map<string, TextVerdict>()
  #old = new Map<string, TextVerdict>()
  #youngChars = 0
  readonly #alone = new Map<string, WeakMap<TextVerdict, Verdict>>()
  readonly #findings: Finding[] = []
  #looked = 0
  readonly #rest: string[] = []

  /** @param nowMs - clock for the figures; no verdict depends on it */
  constructor(matcher: TextMatcher, nowMs: () => number = NO_CLOCK) {
    this.#matcher = matcher
    this.#nowMs = nowMs
  }

  get figures(): Readonly<ScorerFigures> {
    return this.#figures
  }

  /**
   * The verdict on an event.
   *
   * @param view - the payload: texts in visible form
   * @returns undefined where no rule hits and nothing was unwrapped
   */
  score(view: PlainObject): Verdict | undefined {
    const findings = this.#findings
    findings.length = 0
    this.#looked = 0
    for (const field in view) {
      const value = view[field]!
      const fieldClass = FIELD_CLASS.get(field)
      if (fieldClass === undefined) this.#look('other', field, 'text')
      if (typeof value === 'string') {
        if (field === 'message' && isTold(value, view)) continue
        this.#look(field, value, fieldClass ?? 'text')
      } else if (typeof value === 'object' && value !== null) {
        this.#lookInside(field, value, fieldClass ?? 'text')
      }
    }
    if (typeof view['name'] === 'string' && typeof view['value'] === 'string')
      this.#look('value', `${view['name']}=${view['value']}`, 'env')
    if (this.#rest.length > 0) {
      this.#judge('other', this.#rest.join(BETWEEN), 'text')
      this.#rest.length = 0
    }
    if (findings.length === 0) return undefined
    return findings.length === 1 ? this.#ofOne(findings[0]!) : verdictOf(findings)
  }

  #lookInside(field: string, value: PlainJson, fieldClass: FieldClass): void {
    if (typeof value === 'string') {
      this.#look(field, value, fieldClass)
    } else if (Array.isArray(value)) {
      for (const one of value) this.#lookInside(field, one, fieldClass)
    } else if (typeof value === 'object' && value !== null) {
      const inner = value as PlainObject // neither text, list nor null
      for (const key in inner) {
        this.#look(field, key, 'text')
        this.#lookInside(field, inner[key]!, fieldClass)
      }
    }
  }

  #look(field: string, text: string, fieldClass: FieldClass): void {
    if (fieldClass === 'text' && INERT.test(text)) return
    if (text === '') return
    // One line of millions of small texts must not cost millions of searches.
    this.#looked += 1
    if (this.#looked > LIMITS.scoredTextsMax) {
      this.#rest.push(text)
      return
    }
    this.#judge(field, text, fieldClass)
  }

  #judge(field: string, text: string, fieldClass: FieldClass): void {
    const verdict = this.#verdictOn(text, fieldClass)
    // Names that an attacker made up stand as `other` in a verdict.
    if (verdict.rules.length > 0 || verdict.layers.length > 0)
      this.#findings.push({ field: FIELD_CLASS.has(field) ? field : 'other', verdict })
  }

  #verdictOn(text: string, fieldClass: FieldClass): TextVerdict {
    this.#figures.texts += 1
    const isCached = text.length <= LIMITS.cachedTextCharsMax
    const name = isCached ? CLASS_MARK[fieldClass] + text : ''
    if (isCached) {
      const known = this.#young.get(name) ?? this.#old.get(name)
      if (known !== undefined) {
        this.#figures.cacheHits += 1
        return known
      }
    }
    const beganMs = this.#nowMs()
    const plain = fieldClass === 'credential' ? credentialText(text) : text
    const verdict = this.#matcher.match(
      plain.includes('\\') ? fromVisible(plain) : plain,
      fieldClass,
    )
    const us = (this.#nowMs() - beganMs) * 1000
    this.#figures.matchUs += us
    if (us > SLOW_US) this.#figures.slowTexts += 1
    if (isCached) {
      if (
        this.#young.size >= LIMITS.verdictCacheMax ||
        this.#youngChars >= LIMITS.verdictCacheCharsMax
      ) {
        this.#old = this.#young
        this.#young = new Map()
        this.#youngChars = 0
      }
      this.#young.set(name, verdict)
      this.#youngChars += name.length
    }
    return verdict
  }

  #ofOne(finding: Finding): Verdict {
    let known = this.#alone.get(finding.field)
    if (known === undefined) {
      known = new WeakMap()
      this.#alone.set(finding.field, known)
    }
    let verdict = known.get(finding.verdict)
    if (verdict === undefined) {
      verdict = verdictOf([finding])
      known.set(finding.verdict, verdict)
    }
    return verdict
  }
}

/** One character before each text keeps the classes apart in the cache. */
const CLASS_MARK: Readonly<Record<FieldClass, string>> = {
  command: 'c',
  credential: 'p',
  client: 'v',
  env: 'e',
  file: 'f',
  url: 'u',
  data: 'd',
  text: 't',
}

/**
 * Whether a message says what the other fields say, word for word: Cowrie makes most messages from them.
 *
 * A rule for the start of a text cannot hit such a message, any other rule hits the field itself.
 */
function isTold(message: string, view: PlainObject): boolean {
  const { input, username, password } = view
  if (typeof input === 'string') {
    return (
      message.endsWith(input) &&
      TOLD_INPUT.test(message.slice(0, Math.max(0, message.length - input.length)))
    )
  }
  if (typeof username === 'string' && typeof password === 'string') {
    return (
      message === `login attempt [${username}/${password}] failed` ||
      message === `login attempt [${username}/${password}] succeeded`
    )
  }
  const { version } = view
  if (typeof version === 'string' && message === `Remote SSH version: ${version}`) return true
  return TOLD_MESSAGE.test(message)
}

const TOLD_INPUT = /^(?:CMD|Command found|Command not found|INPUT \(\w{0,40}\)): $/
// New connection: 192.0.2.1:40000 (192.0.2.2:2222) [session: 0123456789ab]; Connection lost after 2.1 seconds; ...
const TOLD_MESSAGE =
  /^(?:New connection: [0-9a-f.:]{1,60} \([0-9a-f.:]{1,60}\) \[session: \w{1,64}\]|Connection lost after [0-9.]{1,20} (?:milli)?seconds|SSH client hassh fingerprint: [0-9a-f]{32}|Terminal Size: \d{1,6} \d{1,6}|(?:Opening|Closing) TTY Log: [\w./-]{1,200}(?: after [0-9.]{1,20} (?:milli)?seconds)?)$/

function verdictOf(findings: readonly Finding[]): Verdict {
  let threat = 0
  let hazard = 0
  const hits = new Set<string>()
  const layers = new Set<string>()
  for (const { field, verdict } of findings) {
    if (verdict.threat > threat) threat = verdict.threat
    if (verdict.hazard > hazard) hazard = verdict.hazard
    // Field names and rule ids are words of ours: no character of theirs needs an escape.
    for (const rule of verdict.rules) hits.add(`["${field}","${rule}"]`)
    for (const layer of verdict.layers) layers.add(`"${layer}"`)
  }
  return {
    threat,
    hazard,
    hits: `[${[...hits].sort().join(',')}]`,
    layers: `[${[...layers].sort().join(',')}]`,
  }
}

/** What kind of text a field holds. */
export function fieldClassOf(field: string): FieldClass {
  return FIELD_CLASS.get(field) ?? 'text'
}
