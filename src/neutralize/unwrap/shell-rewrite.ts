/**
 * Writes a command line anew with what its quoting, variables and decoders come to.
 *
 * Nothing is run: commands whose output follows from the text are worked out by `filters.ts`, and the pipeline is
 * replaced, in place, by what it yields. What only a running shell knows stays as typed. Each part of the text is
 * looked at once in a round; what a replacement brings is the next round's work.
 */
import type { Layer } from '../../core/verdict.ts'
import { LIMITS } from '../../limits.ts'
import {
  baseName,
  type Command,
  commandPlaces,
  isAssignment,
  type Part,
  type Pipeline,
  parseQuoted,
  parseShell,
  type Redirect,
  type Script,
  type Word,
} from '../shell.ts'
import { braceWords } from './brace.ts'
import { fromBytes, readableText, toBytes } from './bytes.ts'
import { undoEscapes } from './escapes.ts'
import { FILTERS } from './filters.ts'
import { Variables } from './parameter.ts'
import { INTERPRETER, scriptCode, scriptMeaning } from './script.ts'
import type { Trace } from './trace.ts'
import { asWord, type Field, WordBuilder } from './word.ts'

/** One round on a command line; the same text when there is nothing to undo. */
export function rewriteShell(text: string, trace: Trace): string {
  const { script, isCut } = parseShell(text)
  if (isCut) trace.isCut = true
  const { shown } = new Rewriter(text, trace).script(script)
  return text.length > LIMITS.unwrapCharsMax ? shown + text.slice(LIMITS.unwrapCharsMax) : shown
}

/** A piece of a script written anew, and what it prints if that is known. */
type Outcome = { readonly shown: string; readonly output: Buffer | undefined }

/** A command with its words expanded. */
type Stage = {
  readonly command: Command
  readonly source: string
  /** The fields of each word. */
  readonly words: readonly (readonly Field[])[]
  readonly fields: readonly Field[]
  readonly texts: readonly string[]
  /** Places of command names among the fields. */
  readonly places: readonly number[]
  readonly group: Outcome | undefined
  readonly isKnown: boolean
}

const SHELLS = new Set(['sh', 'bash', 'ash', 'dash', 'ksh', 'zsh', 'hush', 'lash', 'rbash'])
const SETTERS = new Set(['export', 'declare', 'local', 'readonly', 'typeset'])
const NOTHING = Buffer.alloc(0)

class Rewriter {
  readonly #trace: Trace
  readonly #variables = new Variables()
  readonly #files = new Map<string, Buffer>()
  /** Here-documents that went into a replacement, in the order of the text. */
  readonly #skips: { readonly start: number; readonly end: number }[] = []
  #nextSkip = 0

  /** Fields of the targets of redirections and what they give to read: asked for more than once, worked out once. */
  readonly #targets = new Map<Word, readonly Field[]>()
  readonly #inputs = new Map<Redirect, Buffer | undefined>()
  readonly #root: string
  /** The text whose places are meant right now; what stands in backticks is a text of its own. */
  #source: string
  #depth = 0

  constructor(source: string, trace: Trace) {
    this.#root = source
    this.#source = source
    this.#trace = trace
  }

  script(script: Script): Outcome {
    const { source } = script
    // Here-documents hold texts that are read anew, each with a nesting of its own.
    if (this.#depth >= LIMITS.unwrapDepthMax) {
      this.#trace.isCut = true
      return { shown: source.slice(script.start, script.end), output: undefined }
    }
    this.#depth += 1
    let shown = ''
    let at = script.start
    let output: Buffer[] | undefined = []
    for (const pipeline of script.pipelines) {
      shown += this.#gap(source, at, pipeline.start)
      const outcome = this.#pipeline(pipeline, source)
      shown += outcome.shown
      at = pipeline.end
      if (outcome.output === undefined) output = undefined
      else output?.push(outcome.output)
    }
    shown += this.#gap(source, at, script.end)
    this.#depth -= 1
    return { shown, output: output === undefined ? undefined : Buffer.concat(output) }
  }

  /** The text between two places, without the here-documents that were used up. */
  #gap(source: string, from: number, to: number): string {
    let text = ''
    let at = from
    while (source === this.#root && this.#nextSkip < this.#skips.length) {
      const skip = this.#skips[this.#nextSkip]!
      if (skip.start >= to) break
      this.#nextSkip += 1
      if (skip.start < at) continue
      text += source.slice(at, skip.start)
      at = skip.end
    }
    return at < to ? text + source.slice(at, to) : text
  }

  #pipeline(pipeline: Pipeline, source: string): Outcome {
    const stages = pipeline.commands.map((command) => this.#stage(command, source))
    const layers = new Set<Layer>()
    const bodies: Redirect[] = []
    let data: Buffer | undefined
    let known = 0
    for (; known < stages.length; known += 1) {
      const isLast = known === stages.length - 1
      const output = this.#output(
        stages[known]!,
        known === 0 ? undefined : data,
        isLast,
        layers,
        bodies,
      )
      if (output === undefined) break
      data = output
    }
    const sink = stages[known]
    if (sink === undefined) return this.#allKnown(pipeline, stages, data!, layers, bodies)
    const fed = known > 0 ? data : undefined
    const replaced = this.#fedShell(sink, fed, layers, bodies)
    if (replaced !== undefined) return this.#withRest(replaced, pipeline, stages, known + 1)
    const text = fed !== undefined && layers.size > 0 ? readableText(fed, true) : undefined
    if (text === undefined || !this.#trace.spend(text.length))
      return this.#withRest(this.#shown(stages[0]!), pipeline, stages, 1)
    this.#commit(layers, bodies)
    const first = `echo ${asWord(withoutEnd(text))}`
    return this.#withRest(first, pipeline, stages, known)
  }

  /** The stages from one on, written anew behind what replaces those before it. */
  #withRest(first: string, pipeline: Pipeline, stages: readonly Stage[], from: number): Outcome {
    let shown = first
    for (let i = from; i < stages.length; i += 1) {
      const stage = stages[i]!
      shown += this.#gap(stage.source, pipeline.commands[i - 1]!.end, stage.command.start)
      shown += this.#shown(stage)
    }
    return { shown, output: undefined }
  }

  #allKnown(
    pipeline: Pipeline,
    stages: readonly Stage[],
    data: Buffer,
    layers: Set<Layer>,
    bodies: readonly Redirect[],
  ): Outcome {
    const last = stages.at(-1)!
    const isWritten = writtenFile(last.command) !== undefined
    if (isWritten) this.#write(last, data)
    const output = isWritten ? NOTHING : data
    const text = layers.size > 0 ? readableText(data, true) : undefined
    if (text === undefined || !this.#trace.spend(text.length))
      return { ...this.#withRest(this.#shown(stages[0]!), pipeline, stages, 1), output }
    this.#commit(layers, bodies)
    const shown = `echo ${asWord(withoutEnd(text))}${this.#redirects(last, '>')}`
    return { shown, output }
  }

  #commit(layers: Iterable<Layer>, bodies: readonly Redirect[]): void {
    for (const layer of layers) this.#trace.layers.add(layer)
    for (const { body } of bodies)
      if (body !== undefined && this.#source === this.#root) this.#skips.push(body)
  }

  #stage(command: Command, source: string): Stage {
    this.#source = source
    const words: (readonly Field[])[] = []
    let isNaming = true
    for (const word of command.words) {
      const fields = this.#word(word, source, isNaming)
      words.push(fields)
      isNaming &&= fields.length === 0 || (fields.length === 1 && isAssignment(fields[0]!.text))
    }
    const fields = words.flat()
    const texts = fields.map((field) => field.text)
    const places = commandPlaces(texts)
    const group = command.group === undefined ? undefined : this.script(command.group)
    const stage = {
      command,
      source,
      words,
      fields,
      texts,
      places,
      group,
      isKnown: fields.every((field) => field.isKnown),
    }
    this.#setVariables(stage)
    return stage
  }

  #setVariables({ texts, fields, places }: Stage): void {
    const name = texts[places[0] ?? 0] ?? ''
    if (name === 'for' || name === 'select') {
      this.#variables.set(texts[1] ?? '', undefined)
      return
    }
    if (name === 'read') {
      for (const text of texts) if (/^\w+$/.test(text)) this.#variables.set(text, undefined)
      return
    }
    const setsAll = SETTERS.has(name)
    const count = setsAll ? texts.length : (places[0] ?? texts.length)
    for (let i = 0; i < count; i += 1) {
      const text = texts[i]!
      if (!isAssignment(text)) continue
      const equals = text.indexOf('=')
      const isAppend = text[equals - 1] === '+'
      const variable = text.slice(0, isAppend ? equals - 1 : equals)
      const before = isAppend ? (this.#variables.get(variable) ?? '') : ''
      const value = fields[i]!.isKnown ? before + text.slice(equals + 1) : undefined
      this.#variables.set(variable, value)
    }
  }

  /** What a stage prints, if its words and its input say so. */
  #output(
    stage: Stage,
    piped: Buffer | undefined,
    isLast: boolean,
    layers: Set<Layer>,
    bodies: Redirect[],
  ): Buffer | undefined {
    const { command, texts, places, group } = stage
    if (!isLast && writtenFile(command) !== undefined) return undefined
    if (group !== undefined) return texts.length === 0 ? group.output : undefined
    if (!stage.isKnown || texts.length === 0) return undefined
    const place = places.at(-1)
    // Only variables are set: nothing is printed.
    if (place === undefined) return NOTHING
    const name = baseName(texts[place]!)
    const filter = FILTERS.get(name)
    if (filter === undefined) return undefined
    if (texts[places[0]!] === 'xargs' || (places.length > 1 && texts.includes('xargs')))
      return undefined
    const given: Redirect[] = []
    const own = this.#input(stage, given)
    // Reading counts as well: a decoder may be given much, many times, and print nothing. What comes from a pipe was
    // counted when it was made.
    if (!this.#trace.spend(own?.length ?? 0)) return undefined
    const result = filter.run({
      args: texts.slice(place + 1),
      input: own ?? piped,
      file: (path) => this.#file(stage, path),
      trace: this.#trace,
    })
    if (result === undefined || !this.#trace.spend(result.bytes.length)) return undefined
    bodies.push(...given)
    if (result.layer !== undefined) layers.add(result.layer)
    return result.bytes
  }

  #file({ fields }: Stage, path: string): Buffer | undefined {
    const named = fields.find((field) => field.text === path && field.contents !== undefined)
    const bytes = named?.contents ?? this.#files.get(path)
    return bytes !== undefined && this.#trace.spend(bytes.length) ? bytes : undefined
  }

  /** What a here-document, a here-string or a known file gives a command to read. */
  #input({ command }: Stage, used: Redirect[]): Buffer | undefined {
    const redirect = command.redirects.findLast(({ operator }) => /^<(?!&|>)/.test(operator))
    if (redirect === undefined) return undefined
    if (redirect.body !== undefined) used.push(redirect)
    if (!this.#inputs.has(redirect)) this.#inputs.set(redirect, this.#given(redirect))
    return this.#inputs.get(redirect)
  }

  #given({ operator, target, body }: Redirect): Buffer | undefined {
    if (target === undefined) return undefined
    if (operator === '<<' || operator === '<<-') {
      if (body === undefined) return undefined
      const isQuoted = target.parts.some((part) => part.kind !== 'text')
      if (isQuoted || !/[$`\\]/.test(body.text)) return toBytes(body.text)
      const builder = new WordBuilder('')
      this.#parts(parseQuoted(body.text), builder, true, false)
      return toBytes(builder.end(true)[0]!.text)
    }
    const fields = this.#target(target, this.#source)
    if (operator === '<<<') {
      const text = fields.map((field) => field.text).join(' ')
      return fields.every((field) => field.isKnown) ? toBytes(`${text}\n`) : undefined
    }
    return fields[0]?.contents ?? this.#files.get(fields[0]?.text ?? '')
  }

  #target(word: Word, source: string): readonly Field[] {
    const known = this.#targets.get(word)
    if (known !== undefined) return known
    const fields = this.#word(word, source, false)
    this.#targets.set(word, fields)
    return fields
  }

  /** A shell that reads known commands: those commands. */
  #fedShell(
    stage: Stage,
    piped: Buffer | undefined,
    layers: Set<Layer>,
    bodies: Redirect[],
  ): string | undefined {
    const { texts, places, fields } = stage
    const place = places.at(-1)
    if (place === undefined) return undefined
    const name = baseName(texts[place]!)
    const isSource = name === '.' || name === 'source'
    if (!SHELLS.has(name) && !isSource) return undefined
    const operands = fields.slice(place + 1).filter((field) => !/^[-+]./.test(field.text))
    if (texts.slice(place + 1).some((text) => /^-[a-z]*c$/.test(text))) return undefined
    const file = operands[0]
    const given: Redirect[] = []
    const readsInput =
      file === undefined || file.text === '-' || file.text === '/dev/stdin' || texts.includes('-s')
    const bytes = readsInput
      ? (this.#input(stage, given) ?? piped)
      : (file.contents ?? this.#files.get(file.text))
    if (bytes === undefined || isProgram(bytes)) return undefined
    const text = withoutEnd(fromBytes(bytes))
    if (bytes !== piped && !this.#trace.spend(text.length)) return undefined
    if (given.some(({ operator }) => operator.startsWith('<<'))) layers.add('here-document')
    if (bodies.some(({ operator }) => operator.startsWith('<<'))) layers.add('here-document')
    layers.add('nested-shell')
    this.#commit(layers, [...bodies, ...given])
    return `${this.#prefix(stage, place)}${text}${this.#redirects(stage, '>')}`
  }

  /** A command written anew. */
  #shown(stage: Stage): string {
    return this.#nestedShell(stage) ?? this.#plain(stage)
  }

  /** `bash -c '...'`, `eval ...`, one-liners: what they run. */
  #nestedShell(stage: Stage): string | undefined {
    const { texts, places, fields } = stage
    const place = places.at(-1)
    if (place === undefined) return undefined
    const name = baseName(texts[place]!)
    let text: string | undefined
    let layer: Layer = 'nested-shell'
    if (name === 'eval') text = texts.slice(place + 1).join(' ')
    else if (SHELLS.has(name) || name === 'su') {
      const option = texts.findIndex((word, i) => i > place && /^-[a-z]*c$/.test(word))
      const command = option === -1 ? undefined : fields[option + 1]
      // Words behind the script are its parameters, unless somebody forgot the quotes.
      if (command !== undefined)
        text = /[\s;|&]/.test(command.text) ? command.text : texts.slice(option + 1).join(' ')
    } else if (INTERPRETER.test(name)) {
      const code = scriptCode(texts.slice(place + 1))
      const meaning = code === undefined ? undefined : scriptMeaning(code.code)
      if (meaning?.kind === 'runs') text = meaning.text
      else if (meaning?.kind === 'code') text = `${name} -c ${asWord(meaning.text)}`
      layer = 'script'
    }
    if (text === undefined || !this.#trace.spend(text.length)) return undefined
    if (text.trim() === '') return undefined
    this.#trace.layers.add(layer)
    return `${this.#prefix(stage, place)}${text}${this.#redirects(stage, '')}`
  }

  /** What stands before a shell that is taken out: `nohup `, `sudo -u x `. */
  #prefix({ fields, texts }: Stage, place: number): string {
    const end =
      place > 0 && /^(?:busybox|toybox|exec|command|env)$/.test(baseName(texts[place - 1]!))
        ? place - 1
        : place
    return fields
      .slice(0, end)
      .map((field) => `${field.shown} `)
      .join('')
  }

  #plain({ command, source, words, group }: Stage): string {
    const pieces: { start: number; end: number; text: string }[] = command.words.map((word, i) => ({
      start: word.start,
      end: word.end,
      text: words[i]!.map((field) => field.shown).join(' '),
    }))
    for (const redirect of command.redirects)
      pieces.push({ ...redirect, text: this.#redirect(redirect, source) })
    if (command.group !== undefined) pieces.push({ ...command.group, text: group!.shown })
    pieces.sort((a, b) => a.start - b.start)
    let shown = ''
    let at = command.start
    for (const { start, end, text } of pieces) {
      shown += this.#gap(source, at, start)
      // A word that came to nothing takes the blank before it along.
      if (text === '' && shown.endsWith(' ')) shown = shown.slice(0, -1)
      shown += text
      at = end
    }
    return shown + this.#gap(source, at, command.end)
  }

  #redirect(redirect: Redirect, source: string): string {
    const { start, end, target } = redirect
    if (target === undefined || redirect.operator.startsWith('<<')) return source.slice(start, end)
    const fields = this.#target(target, source)
    return source.slice(start, target.start) + fields.map((field) => field.shown).join(' ')
  }

  /** The redirections of a command that is replaced, those that begin with a sign only. */
  #redirects({ command, source }: Stage, sign: string): string {
    return command.redirects
      .filter(({ operator }) => !operator.startsWith('<') || sign === '')
      .map((redirect) => ` ${this.#redirect(redirect, source)}`)
      .join('')
  }

  #write({ command }: Stage, data: Buffer): void {
    const redirect = writtenFile(command)!
    const [field] = this.#target(redirect.target!, this.#source)
    if (field === undefined) return
    const before = redirect.operator === '>>' ? this.#files.get(field.text) : undefined
    const isKnown = this.#files.has(field.text) || this.#files.size < LIMITS.unwrapNamesMax
    const size = (before?.length ?? 0) + data.length
    if (isKnown && size <= LIMITS.unwrapCharsMax && this.#trace.spend(before?.length ?? 0))
      this.#files.set(field.text, before === undefined ? data : Buffer.concat([before, data]))
  }

  #word(word: Word, source: string, isCommandName: boolean): readonly Field[] {
    const { parts } = word
    const raw = source.slice(word.start, word.end)
    const first = parts[0]
    if (parts.length === 1 && first?.kind === 'text' && !first.value.includes('{'))
      return [{ text: raw, shown: raw, isKnown: true }]
    if (hasBraces(parts)) {
      const words = braceWords(raw)
      const size = words?.reduce((sum, made) => sum + made.length + 1, 0) ?? 0
      // What is added counts, also where a round no more than doubles it: the next one does so again.
      if (words !== undefined && this.#trace.spend(Math.max(0, size - raw.length - 1))) {
        this.#trace.layers.add('brace')
        // What the words mean is the next round's work.
        return words.map((made) => ({ text: made, shown: made, isKnown: false }))
      }
    }
    if (first?.kind === 'script' && first.style === 'process' && parts.length === 1) {
      const { shown, output } = this.script(first.script)
      const { script } = first
      const isSame = shown === script.source.slice(script.start, script.end)
      const text = isSame ? raw : `${raw.slice(0, 2)}${shown})`
      return [
        {
          text,
          shown: text,
          isKnown: output !== undefined,
          ...(output === undefined ? {} : { contents: output }),
        },
      ]
    }
    const assigns = first?.kind === 'text' && isAssignment(first.value)
    const builder = new WordBuilder(assigns ? '' : this.#variables.separators)
    const layers = this.#parts(parts, builder, false, isCommandName && !assigns)
    for (const layer of quoteLayers(parts, isCommandName)) layers.add(layer)
    const fields = builder.end(parts.some((part) => QUOTES.has(part.kind)))
    const shown = fields.map((field) => field.shown).join(' ')
    const changes =
      layers.size > 0 && shown !== raw && this.#trace.spend(Math.max(0, shown.length - raw.length))
    if (!changes)
      return fields.length === 1
        ? [{ ...fields[0]!, shown: raw }]
        : [{ text: raw, shown: raw, isKnown: false }]
    for (const layer of layers) if (layer !== MARK) this.#trace.layers.add(layer)
    return fields
  }

  /** Adds the parts of a word to it. @returns what was undone */
  #parts(
    parts: readonly Part[],
    builder: WordBuilder,
    isQuoted: boolean,
    isCommandName: boolean,
    after = '',
  ): Set<Layer | typeof MARK> {
    const layers = new Set<Layer | typeof MARK>()
    for (let i = 0; i < parts.length; i += 1) {
      const part = parts[i]!
      const next = parts[i + 1]
      switch (part.kind) {
        case 'text':
          if (isQuoted) builder.addLiteral(part.value)
          else builder.addPlain(part.value)
          continue
        case 'escape':
        case 'single':
          builder.addLiteral(part.value)
          continue
        case 'ansi':
          builder.addLiteral(fromBytes(undoEscapes(part.value).bytes))
          layers.add('ansi-c')
          continue
        case 'double': {
          const inside = this.#parts(
            part.parts,
            builder,
            true,
            isCommandName,
            firstOf(next) || after,
          )
          for (const layer of inside) layers.add(layer)
          continue
        }
        case 'parameter': {
          const previous = parts[i - 1]
          const size = part.operation === '' ? 0 : (this.#variables.get(part.name)?.length ?? 0)
          if (!this.#trace.spend(size)) {
            builder.addUnknown(part.raw)
            continue
          }
          const value = this.#variables.expand(part.name, part.operation, {
            before: builder.last,
            after: firstOf(next) || after,
            isInWord: parts.length > 1,
            isCommandName,
            followsParameter: previous?.kind === 'parameter',
          })
          if (value === undefined || !this.#trace.spend(value.length)) {
            builder.addUnknown(part.raw)
            continue
          }
          layers.add(part.name === 'IFS' ? 'ifs' : 'parameter')
          if (isQuoted) builder.addLiteral(value)
          else if (part.name === 'IFS') builder.addSplit(' ')
          else builder.addSplit(value)
          continue
        }
        case 'script':
          for (const layer of this.#substitution(part, builder, isQuoted)) layers.add(layer)
          continue
      }
    }
    return layers
  }

  #substitution(
    part: Extract<Part, { kind: 'script' }>,
    builder: WordBuilder,
    isQuoted: boolean,
  ): readonly (Layer | typeof MARK)[] {
    if (part.style === 'arithmetic') {
      builder.addUnknown(part.raw)
      return []
    }
    const source = this.#source
    const { shown, output } = this.script(part.script)
    this.#source = source
    const text = output === undefined ? undefined : readableText(output, true)
    const named =
      text === undefined && part.style !== 'process' ? whichName(part.script) : undefined
    const value = text === undefined ? named : withoutEnd(text)
    if (value !== undefined && part.style !== 'process' && this.#trace.spend(value.length)) {
      if (isQuoted) builder.addLiteral(value)
      else builder.addSplit(value)
      return ['substitution']
    }
    const { script } = part
    if (shown === script.source.slice(script.start, script.end)) {
      builder.addUnknown(part.raw)
      return []
    }
    builder.addUnknown(
      part.style === 'process' ? `${part.raw.slice(0, 2)}${shown})` : `$(${shown})`,
    )
    return [MARK]
  }
}

/** Stands for a change inside a word whose layer was noted where it happened. */
const MARK = 'mark'

const QUOTES: ReadonlySet<Part['kind']> = new Set(['single', 'double', 'ansi'])

/** Quotes and backslashes that split a word; those that a person would write are no layer. */
function quoteLayers(parts: readonly Part[], isCommandName: boolean): readonly Layer[] {
  const layers: Layer[] = []
  parts.forEach((part, i) => {
    if (part.kind === 'escape') {
      if (part.value === '' || /[\w./-]/.test(part.value)) layers.push('backslash')
      return
    }
    if (part.kind !== 'single' && part.kind !== 'double') return
    // A quote that nothing closes was not meant to split.
    if (part.raw.length < 2 || !part.raw.endsWith(part.raw[0]!)) return
    if (
      part.kind === 'double' &&
      part.parts.some(({ kind }) => kind !== 'text' && kind !== 'escape')
    )
      return
    const previous = parts[i - 1]
    const isFirst =
      previous === undefined || (previous.kind === 'text' && /[=:]$/.test(previous.value))
    const isLast = i === parts.length - 1
    if (!isFirst || !isLast || (isCommandName && i === 0)) layers.push('quotes')
  })
  return layers
}

function hasBraces(parts: readonly Part[]): boolean {
  let opens = false
  for (const part of parts) {
    if (part.kind !== 'text') continue
    if (part.value.includes('{')) opens = true
    if (opens && part.value.includes('}')) return true
  }
  return false
}

function firstOf(part: Part | undefined): string {
  if (part === undefined) return ''
  if (part.kind === 'double') return firstOf(part.parts[0])
  if (part.kind === 'parameter' || part.kind === 'script') return '$'
  return part.value.slice(0, 1)
}

/** The file that a command writes its output to. */
function writtenFile({ redirects }: Command): Redirect | undefined {
  return redirects.findLast(
    ({ operator, target }) => /^(?:&?>>?|>\|)$/.test(operator) && target !== undefined,
  )
}

/** `$(which wget)` is wget. */
function whichName(script: Script): string | undefined {
  const text = script.source.slice(script.start, script.end).trim()
  return /^(?:which|type -p|command -v) ([\w./-]{1,64})$/.exec(text)?.[1]
}

/** A text without the line breaks at its end. */
function withoutEnd(text: string): string {
  let end = text.length
  while (end > 0 && (text[end - 1] === '\n' || text[end - 1] === '\r')) end -= 1
  return text.slice(0, end)
}

function isProgram(bytes: Buffer): boolean {
  return bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46
}
