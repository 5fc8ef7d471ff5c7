import { setFlagsFromString } from 'node:v8'
import { blake3 } from '../../core/blake3.ts'
import { toHex } from '../../core/bytes.ts'
import { RulesError } from '../../core/errors.ts'
import type { FieldClass, Layer, TextVerdict } from '../../core/verdict.ts'
import { LIMITS } from '../../limits.ts'
import { badRule, type RuleDefinition } from './definition.ts'
import { LiteralFinder } from './literals.ts'

/** Raised whenever the same definitions may give another verdict: part of the version of every rule set. */
export const ENGINE = 1

// The linear engine of V8 runs what is marked with the flag `l`; where an ordinary pattern backtracks too long, V8
// goes over to it by itself. Both must be said before the patterns are compiled.
setFlagsFromString('--enable-experimental-regexp-engine')
setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks')

/** How a text is read before the rules look at it. */
export type TextTools = {
  /** The text as typed, and further ones with encodings undone in place. */
  readonly unwrap: (
    text: string,
    fieldClass: FieldClass,
  ) => { readonly texts: readonly string[]; readonly layers: readonly Layer[] }
  /** Base names of the commands that a shell would run. */
  readonly shellFacts: (text: string) => { readonly commands: readonly string[] }
}

export type RuleOptions = TextTools & {
  /** Told of a rule that took longer than `LIMITS.ruleMsMax` for one text; its verdict stands. */
  readonly onSlow?: (ruleId: string, ms: number) => void
  /** Clock in milliseconds; without one nothing is timed. */
  readonly now?: () => number
}

/** One hit, with its place. */
export type RuleHit = {
  readonly rule: string
  /** Which of the texts of `unwrap` it was found in; 0 is the text as typed. */
  readonly form: number
  /** Start and length of what matched, in UTF-16 units of that text; undefined where a command alone is the hit. */
  readonly place: { readonly start: number; readonly length: number } | undefined
}

export type Explanation = {
  readonly verdict: TextVerdict
  /** Ascending by rule; the first place of each. */
  readonly hits: readonly RuleHit[]
  /** What `unwrap` gave. */
  readonly forms: readonly string[]
  /** Microseconds that each rule took whose literals occur, in no order; empty without a clock. */
  readonly timings: readonly { readonly rule: string; readonly us: number }[]
}

/** Rules compiled: what they say of a text. */
export type RuleSet = {
  /** `r` and 16 hexadecimal digits: the same rules have the same version. */
  readonly version: string
  /** Ascending by id. */
  readonly definitions: readonly RuleDefinition[]
  /**
   * Verdict on one text: the union of what the rules say of all its forms; the highest score of an axis counts.
   *
   * Never throws. Of a text longer than `LIMITS.ruleQuickCharsMax` patterns see an excerpt, literals everything.
   */
  match(text: string, fieldClass: FieldClass): TextVerdict
  /** As `match`, with the places and the time of each rule; for people, many times slower. */
  explain(text: string, fieldClass: FieldClass): Explanation
  /**
   * The same rules without some.
   *
   * @throws RulesError RULES_UNKNOWN_RULE
   */
  without(ids: readonly string[]): RuleSet
}

/**
 * Compiles rules into a rule set.
 *
 * @param definitions - in any order
 * @throws RulesError RULES_BAD_RULE for a pattern that cannot run in linear time, or an id that occurs twice
 */
export function compileRules(
  definitions: readonly RuleDefinition[],
  options: RuleOptions,
): RuleSet {
  return new CompiledRules(definitions, options)
}

type Rule = {
  readonly id: string
  readonly isHazard: boolean
  readonly score: number
  readonly on: ReadonlySet<FieldClass>
  readonly isExact: boolean
  readonly commands: readonly string[]
  readonly literals: readonly string[]
  /** For short texts: V8's ordinary engine, tens of times faster there. */
  readonly quick: RegExp | undefined
  /** For long texts: the same pattern in V8's linear engine. */
  readonly linear: RegExp | undefined
}

/** One form of the text under inspection; what several rules need of it is made once. */
type Form = {
  readonly text: string
  readonly isLong: boolean
  window: string | undefined
  lower: string | undefined
  commands: ReadonlySet<string> | undefined
}

class CompiledRules implements RuleSet {
  readonly version: string
  readonly definitions: readonly RuleDefinition[]
  readonly #options: RuleOptions
  readonly #now: (() => number) | undefined
  readonly #rules: readonly Rule[]
  /** Made for the first text: many commands ask rules for their version or definitions alone. */
  #finder: LiteralFinder | undefined
  /** By rule: number of the call in which it last hit, and of the form in which it was last a candidate. */
  readonly #hitIn: Float64Array
  readonly #askedIn: Float64Array
  readonly #candidates: number[] = []
  #call = 0
  #form = 0
  readonly #noteCandidate = (rule: number): void => {
    if (this.#askedIn[rule] === this.#form || this.#hitIn[rule] === this.#call) return
    this.#askedIn[rule] = this.#form
    this.#candidates.push(rule)
  }

  constructor(definitions: readonly RuleDefinition[], options: RuleOptions) {
    this.definitions = sorted(definitions)
    this.#options = options
    this.#now = options.now
    this.#rules = this.definitions.map(compile)
    const twice = this.#rules.find((rule, i) => rule.id === this.#rules[i + 1]?.id)
    if (twice !== undefined) throw badRule(twice.id, 'stands in the set twice')
    this.#hitIn = new Float64Array(this.#rules.length)
    this.#askedIn = new Float64Array(this.#rules.length)
    this.version = ruleSetVersion(this.definitions)
  }

  match(text: string, fieldClass: FieldClass): TextVerdict {
    return this.#inspect(text, fieldClass, undefined)
  }

  explain(text: string, fieldClass: FieldClass): Explanation {
    const notes: Notes = { hits: [], forms: [], timings: [] }
    const verdict = this.#inspect(text, fieldClass, notes)
    return { verdict, ...notes, hits: notes.hits.toSorted((a, b) => (a.rule < b.rule ? -1 : 1)) }
  }

  without(ids: readonly string[]): RuleSet {
    const unknown = ids.find((id) => !this.#rules.some((rule) => rule.id === id))
    if (unknown !== undefined) {
      throw new RulesError('RULES_UNKNOWN_RULE', `There is no rule ${unknown}.`, {
        hint: 'The files in rules/ are named for the ids of the rules.',
      })
    }
    return new CompiledRules(
      this.definitions.filter((rule) => !ids.includes(rule.id)),
      this.#options,
    )
  }

  #inspect(text: string, fieldClass: FieldClass, notes: Notes | undefined): TextVerdict {
    const { texts, layers } = this.#options.unwrap(text, fieldClass)
    this.#call += 1
    const hits: number[] = []
    texts.forEach((each, i) => {
      // What is undone is undone in place: between the text as typed and the last form, a long one says nothing new.
      const isBetween = i > 0 && i < texts.length - 1
      if (!isBetween || each.length <= LIMITS.ruleQuickCharsMax)
        this.#inspectForm(each, fieldClass, hits, notes)
    })
    if (hits.length === 0) return { rules: [], layers, threat: 0, hazard: 0 }

    let threat = 0
    let hazard = 0
    hits.sort((a, b) => a - b) // rules stand in the order of their ids
    const rules = hits.map((index) => {
      const { id, isHazard, score } = this.#rules[index]!
      if (isHazard) hazard = Math.max(hazard, score)
      else threat = Math.max(threat, score)
      return id
    })
    return { rules, layers, threat, hazard }
  }

  #inspectForm(
    text: string,
    fieldClass: FieldClass,
    hits: number[],
    notes: Notes | undefined,
  ): void {
    notes?.forms.push(text)
    this.#form += 1
    this.#candidates.length = 0
    this.#finder ??= new LiteralFinder(this.#rules.map((rule) => rule.literals))
    this.#finder.find(text, this.#noteCandidate)
    if (this.#candidates.length === 0) return

    const isLong = text.length > LIMITS.ruleQuickCharsMax
    const form: Form = { text, isLong, window: undefined, lower: undefined, commands: undefined }
    for (const index of this.#candidates) {
      const rule = this.#rules[index]!
      if (!rule.on.has(fieldClass)) continue
      // Reading the clock for every rule would cost more than most rules.
      const now = isLong || notes !== undefined ? this.#now : undefined
      const startMs = now?.() ?? 0
      const isHit = this.#isHit(rule, form)
      if (now !== undefined) this.#noteTime(rule, form, now, now() - startMs, notes)
      if (!isHit) continue
      this.#hitIn[index] = this.#call
      hits.push(index)
      notes?.hits.push({ rule: rule.id, form: notes.forms.length - 1, place: placeOf(rule, form) })
    }
  }

  #isHit(rule: Rule, form: Form): boolean {
    if (rule.commands.length > 0) {
      form.commands ??= new Set(this.#options.shellFacts(windowOf(form)).commands)
      const { commands } = form
      if (!rule.commands.some((command) => commands.has(command))) return false
    }
    if (rule.quick === undefined) return true
    return form.isLong
      ? rule.linear!.test(textFor(rule, form))
      : rule.quick.test(textFor(rule, form))
  }

  #noteTime(rule: Rule, form: Form, now: () => number, ms: number, notes: Notes | undefined): void {
    if (ms > LIMITS.ruleMsMax && this.#options.onSlow !== undefined) {
      // A machine that does something else meanwhile makes any rule look slow: the best of a few tries counts.
      let best = ms
      for (let i = 0; i < CONFIRMATIONS && best > LIMITS.ruleMsMax; i += 1) {
        const startMs = now()
        this.#isHit(rule, form)
        best = Math.min(best, now() - startMs)
      }
      if (best > LIMITS.ruleMsMax) this.#options.onSlow(rule.id, best)
    }
    notes?.timings.push({ rule: rule.id, us: ms * 1000 })
  }
}

/** Tries more before a rule is called slow. */
const CONFIRMATIONS = 4

type Notes = {
  readonly hits: RuleHit[]
  readonly forms: string[]
  readonly timings: { readonly rule: string; readonly us: number }[]
}

function compile(definition: RuleDefinition): Rule {
  const { id, pattern } = definition
  const rule = {
    id,
    isHazard: definition.axis === 'hazard',
    score: definition.score,
    on: new Set(definition.on),
    isExact: definition.isExact,
    commands: definition.commands,
    literals: definition.literals,
  }
  if (pattern === undefined) return { ...rule, quick: undefined, linear: undefined }
  try {
    return { ...rule, quick: new RegExp(pattern), linear: new RegExp(pattern, 'l') }
  } catch (error) {
    throw badRule(id, 'has a pattern that does not compile, or not for linear time', error)
  }
}

/** What of a form the shell reader sees: all, or both ends of what is too long. */
function windowOf(form: Form): string {
  if (form.window === undefined) {
    const { text } = form
    const half = LIMITS.ruleTextCharsMax / 2
    form.window =
      text.length <= LIMITS.ruleTextCharsMax ? text : `${text.slice(0, half)}\n${text.slice(-half)}`
  }
  return form.window
}

function textFor(rule: Rule, form: Form): string {
  form.lower ??= form.text.toLowerCase()
  if (form.isLong) return excerptOf(rule, form.text, form.lower)
  return rule.isExact ? form.text : form.lower
}

/**
 * What a pattern sees of a long text: both ends, and what lies around the first and last places of its literals. A text
 * of 64 KiB then costs no more than one of 4, and nothing is hidden by padding.
 */
function excerptOf(rule: Rule, text: string, lower: string): string {
  // Some letters change their length: places are then those of the text that the pattern sees.
  const seen = rule.isExact && lower.length === text.length ? text : lower
  const ranges: [start: number, end: number][] = [
    [0, EXCERPT.end],
    [seen.length - EXCERPT.end, seen.length],
  ]
  for (const place of placesOf(rule.literals, lower))
    ranges.push([
      Math.max(0, place - EXCERPT.around),
      Math.min(seen.length, place + EXCERPT.around),
    ])
  ranges.sort((a, b) => a[0] - b[0])
  let excerpt = ''
  let upTo = 0
  for (const [start, end] of ranges) {
    if (end <= upTo) continue
    // A character of nobody's stands for what is left out, so that no anchor and no word meets it.
    if (start > upTo) excerpt += LEFT_OUT
    excerpt += seen.slice(Math.max(start, upTo), end)
    upTo = end
  }
  return excerpt
}

/** The first places of literals in a text, and the last one of each. */
function placesOf(literals: readonly string[], lower: string): number[] {
  const first: number[] = []
  const last: number[] = []
  for (const literal of literals) {
    let at = lower.indexOf(literal)
    for (let n = 0; at >= 0 && n < EXCERPT.places; n += 1) {
      first.push(at)
      at = lower.indexOf(literal, at + literal.length)
    }
    if (at >= 0) last.push(lower.lastIndexOf(literal))
  }
  const byPlace = (a: number, b: number): number => a - b
  return [
    ...first.sort(byPlace).slice(0, EXCERPT.places),
    ...last.sort(byPlace).slice(-EXCERPT.places),
  ]
}

/** Characters at each end, and before and behind a place; places from either end. */
const EXCERPT = { end: 512, around: 384, places: 3 } as const
const LEFT_OUT = '\u{f8ff}'

function placeOf(rule: Rule, form: Form): RuleHit['place'] {
  const pattern = form.isLong ? rule.linear : rule.quick
  // Places in an excerpt are no places of the text.
  if (pattern !== undefined && form.isLong) return undefined
  if (pattern !== undefined) {
    const found = pattern.exec(textFor(rule, form))
    return found === null ? undefined : { start: found.index, length: found[0].length }
  }
  if (rule.commands.length > 0) return undefined
  const lower = form.text.toLowerCase()
  let place: { start: number; length: number } | undefined
  for (const literal of rule.literals) {
    const start = lower.indexOf(literal)
    if (start >= 0 && (place === undefined || start < place.start)) {
      place = { start, length: literal.length }
    }
  }
  return place
}

/**
 * The version that rules make together: what decides a verdict or is shown with it goes in; titles, reasons and
 * examples do not.
 *
 * @param definitions - in any order
 */
export function ruleSetVersion(definitions: readonly RuleDefinition[]): string {
  const deciding = sorted(definitions).map((rule) => [
    rule.id,
    rule.version,
    rule.axis,
    rule.score,
    rule.techniques,
    rule.on,
    rule.family ?? null,
    rule.pattern ?? null,
    rule.isExact,
    rule.commands,
    rule.literals,
  ])
  return `r${toHex(blake3(Buffer.from(JSON.stringify([ENGINE, deciding])))).slice(0, 16)}`
}

function sorted(definitions: readonly RuleDefinition[]): RuleDefinition[] {
  return definitions.toSorted((a, b) => (a.id < b.id ? -1 : 1))
}
