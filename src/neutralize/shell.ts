/**
 * Reads a command line the way a POSIX shell with the habits of bash would.
 *
 * In: what an attacker typed. Out: its structure (`parseShell`) or the facts that rules ask for (`shellFacts`).
 * Promises: every character is read once, whatever is left open is closed by the end of the text, nesting is bounded,
 * nothing throws. Refuses nothing: what no shell would accept is read as far as it makes sense.
 */
import { LIMITS } from '../limits.ts'

/** A piece of a word. `raw` is the text as typed. */
export type Part =
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'escape'; readonly value: string; readonly raw: string }
  | { readonly kind: 'single'; readonly value: string; readonly raw: string }
  | { readonly kind: 'ansi'; readonly value: string; readonly raw: string }
  | { readonly kind: 'double'; readonly parts: readonly Part[]; readonly raw: string }
  | {
      readonly kind: 'parameter'
      readonly name: string
      /** What follows the name inside braces: `:0:2`, `#x`, `//a/b`. */
      readonly operation: string
      readonly raw: string
    }
  | {
      readonly kind: 'script'
      readonly script: Script
      readonly style: 'substitution' | 'backtick' | 'arithmetic' | 'process'
      readonly raw: string
    }

export type Word = { readonly start: number; readonly end: number; readonly parts: readonly Part[] }

export type Redirect = {
  readonly start: number
  readonly end: number
  /** `<`, `>`, `>>`, `<<`, `<<-`, `<<<`, `>&`, `<&`, `>|`, `<>`, `&>`, `&>>`. */
  readonly operator: string
  readonly target: Word | undefined
  /** Where the lines of a here-document stand, its last line included. */
  body?: { readonly start: number; readonly end: number; readonly text: string }
}

export type Command = {
  readonly start: number
  readonly end: number
  readonly words: readonly Word[]
  readonly redirects: readonly Redirect[]
  /** Commands in parentheses or braces. */
  readonly group?: Script
}

export type Pipeline = {
  readonly start: number
  readonly end: number
  readonly commands: readonly Command[]
}

export type Script = {
  readonly source: string
  readonly start: number
  readonly end: number
  readonly pipelines: readonly Pipeline[]
}

/** What rules ask about a command line. */
export type ShellFacts = {
  /** Names of the commands in order, without their paths; what `sudo` or `busybox` runs follows it. */
  readonly commands: readonly string[]
  /** The same names, one list for each pipeline. */
  readonly pipelines: readonly (readonly string[])[]
  readonly redirects: readonly { readonly target: string; readonly append: boolean }[]
  readonly urls: readonly string[]
  /** Whether a part was not looked at. */
  readonly isCut: boolean
}

/**
 * The facts of a command line.
 *
 * @param text - a command as typed or as `unwrap` gives it; its first 64 KiB are read
 */
export function shellFacts(text: string): ShellFacts {
  const { script, isCut } = parseShell(text)
  const facts: Facts = { commands: [], pipelines: [], redirects: [], urls: new Set(), isCut }
  collect(script, facts)
  return { ...facts, urls: [...facts.urls] }
}

/** The structure of a command line, and whether a part of it was not looked at. */
export function parseShell(text: string): { readonly script: Script; readonly isCut: boolean } {
  const isLong = text.length > LIMITS.unwrapCharsMax
  const parser = new Parser(isLong ? text.slice(0, LIMITS.unwrapCharsMax) : text, 0)
  const script = parser.script('')
  return { script, isCut: isLong || parser.isCut }
}

/** Reads a text as the inside of double quotes: a here-document. */
export function parseQuoted(text: string): readonly Part[] {
  return new Parser(text.slice(0, LIMITS.unwrapCharsMax), 0).quotedParts('')
}

/** The text of a word with its quotes undone; what only a running shell knows stays as typed. */
export function wordText(parts: readonly Part[]): string {
  let text = ''
  for (const part of parts) {
    if (part.kind === 'double') text += wordText(part.parts)
    else if (part.kind === 'parameter' || part.kind === 'script') text += part.raw
    else text += part.value
  }
  return text
}

/**
 * Where the names of commands stand among the words of a simple command.
 *
 * `sudo -u x nohup wget y` has three: what a wrapper runs is a command, too.
 */
export function commandPlaces(words: readonly string[]): readonly number[] {
  const places: number[] = []
  let at = 0
  while (at < words.length && isAssignment(words[at]!)) at += 1
  while (at < words.length) {
    const name = baseName(words[at]!)
    places.push(at)
    at += 1
    const valued = WRAPPERS.get(name)
    if (valued === undefined) break
    at = skipOptions(words, at, valued)
    if (name === 'timeout' || name === 'chroot' || name === 'taskset') at += 1
  }
  return places
}

/** The name of a command without its path. */
export function baseName(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash === -1 || slash === path.length - 1 ? path : path.slice(slash + 1)
}

/** Whether a word sets a variable: `a=b`. */
export function isAssignment(word: string): boolean {
  return ASSIGNMENT.test(word)
}

const ASSIGNMENT = /^[A-Za-z_]\w{0,99}\+?=/

// Commands that run the command in their arguments, with their options that take a value in the next word.
const WRAPPERS: ReadonlyMap<string, string> = new Map([
  ['sudo', 'ugpChrtTDR'],
  ['doas', 'uC'],
  ['nohup', ''],
  ['busybox', ''],
  ['toybox', ''],
  ['env', 'uCS'],
  ['timeout', 'ks'],
  ['exec', 'a'],
  ['xargs', 'IinLPsdEa'],
  ['time', 'fo'],
  ['nice', 'n'],
  ['ionice', 'cn'],
  ['setsid', ''],
  ['command', ''],
  ['builtin', ''],
  ['stdbuf', 'ioe'],
  ['strace', 'oe'],
  ['chroot', ''],
  ['taskset', ''],
  ['unbuffer', ''],
])

function skipOptions(words: readonly string[], from: number, valued: string): number {
  let at = from
  while (at < words.length) {
    const word = words[at]!
    if (word === '--') return at + 1
    if (isAssignment(word)) at += 1
    else if (word.length > 1 && word.startsWith('-'))
      at += word.length === 2 && valued.includes(word[1]!) ? 2 : 1
    else return at
  }
  return at
}

type Facts = {
  commands: string[]
  pipelines: string[][]
  redirects: { target: string; append: boolean }[]
  urls: Set<string>
  isCut: boolean
}

function collect(script: Script, facts: Facts): void {
  for (const pipeline of script.pipelines) {
    const names: string[] = []
    for (const command of pipeline.commands) {
      const words = command.words.map((word) => wordText(word.parts))
      if (!KEYWORD_COMMANDS.has(words[0] ?? ''))
        for (const place of commandPlaces(words)) names.push(baseName(words[place]!))
      for (const word of words) collectUrls(word, facts)
      for (const redirect of command.redirects) collectRedirect(redirect, facts)
    }
    if (names.length > 0) facts.pipelines.push(names)
    for (const name of names) facts.commands.push(name)
    for (const command of pipeline.commands) {
      if (command.group !== undefined) collect(command.group, facts)
      for (const word of command.words) collectParts(word.parts, facts)
      for (const redirect of command.redirects)
        if (redirect.target !== undefined) collectParts(redirect.target.parts, facts)
    }
  }
}

function collectParts(parts: readonly Part[], facts: Facts): void {
  for (const part of parts) {
    if (part.kind === 'double') collectParts(part.parts, facts)
    else if (part.kind === 'script' && part.style !== 'arithmetic') collect(part.script, facts)
  }
}

function collectRedirect(redirect: Redirect, facts: Facts): void {
  const { operator, target, body } = redirect
  if (body !== undefined) collectUrls(body.text, facts)
  if (target === undefined) return
  const text = wordText(target.parts)
  if (operator.includes('>') && !(operator.endsWith('&') && /^[\d-]/.test(text)))
    facts.redirects.push({ target: text, append: operator.endsWith('>>') })
  collectUrls(text, facts)
}

const URL_IN_WORD = /[A-Za-z][A-Za-z0-9+.-]{1,15}:\/\/[^\s'"`|<>();{}\\]+/g

function collectUrls(word: string, facts: Facts): void {
  if (!word.includes('://')) return
  for (const [url] of word.matchAll(URL_IN_WORD)) facts.urls.add(url)
}

// Words that open a compound command whose own words are not commands.
const KEYWORD_COMMANDS = new Set(['for', 'case', 'select', 'function', '[[', 'in'])
// Words after which a command starts.
const LEADING_KEYWORDS = new Set([
  'if',
  'then',
  'else',
  'elif',
  'fi',
  'while',
  'until',
  'do',
  'done',
  'esac',
  'coproc',
  '!',
])

const WHITE = 1
const ENDS_WORD = 2
const ENDS_TEXT = 4
const CLASS = new Uint8Array(128)
for (const char of ' \t\r') CLASS[char.charCodeAt(0)] = WHITE | ENDS_WORD | ENDS_TEXT
for (const char of '\n;&|<>()') CLASS[char.charCodeAt(0)] = ENDS_WORD | ENDS_TEXT
for (const char of '\\\'"$`') CLASS[char.charCodeAt(0)] = ENDS_TEXT

class Parser {
  /** Whether nesting went deeper than is followed. */
  isCut = false
  readonly #text: string
  readonly #depth: number
  #at = 0
  #nesting = 0
  #pending: { redirect: Redirect; delimiter: string; stripTabs: boolean }[] = []

  constructor(text: string, depth: number) {
    this.#text = text
    this.#depth = depth
  }

  /** Reads commands up to the closing character, which it takes, or the end of the text. */
  script(closing: '' | ')' | '}'): Script {
    const text = this.#text
    const start = this.#at
    const pipelines: Pipeline[] = []
    let commands: Command[] = []
    let end = -1
    const endPipeline = (): void => {
      if (commands.length > 0)
        pipelines.push({ start: commands[0]!.start, end: commands.at(-1)!.end, commands })
      commands = []
    }
    while (this.#at < text.length) {
      this.#skipBlank()
      const char = text[this.#at]
      if (char === undefined) break
      if (char === ')' && closing === ')') {
        end = this.#at
        this.#at += 1
        break
      }
      if (char === '}' && closing === '}') {
        end = this.#at
        this.#at += 1
        break
      }
      if (char === '|' && text[this.#at + 1] !== '|') {
        this.#at += text[this.#at + 1] === '&' ? 2 : 1
        this.#skipLines()
        continue
      }
      if (char === '\n') {
        endPipeline()
        this.#at += 1
        this.#readBodies()
        continue
      }
      if (char === '&' && text[this.#at + 1] === '>') {
        commands.push(this.#command())
        continue
      }
      if (char === ';' || char === '&' || char === '|' || char === ')') {
        endPipeline()
        this.#at += char !== ')' && text[this.#at + 1] === char ? 2 : 1
        continue
      }
      // Two commands without `|` between them: a keyword or a group stood there.
      if (commands.length > 0 && text.slice(commands.at(-1)!.end, this.#at).indexOf('|') === -1)
        endPipeline()
      const before = this.#at
      const command = this.#command()
      if (command !== undefined) commands.push(command)
      if (this.#at === before) this.#at += 1
    }
    endPipeline()
    return { source: text, start, end: end === -1 ? this.#at : end, pipelines }
  }

  #command(): Command {
    const text = this.#text
    const start = this.#at
    const words: Word[] = []
    const redirects: Redirect[] = []
    let group: Script | undefined
    let end = start
    while (this.#at < text.length) {
      this.#skipBlank()
      const char = text[this.#at]
      if (char === undefined || char === '\n' || char === ';' || char === ')' || char === '|') break
      if (char === '&' && text[this.#at + 1] !== '>') break
      if (char === '(') {
        if (words.length > 0 || group !== undefined) {
          // `name ()` defines a function; its body is read as the next command.
          if (/^\(\s{0,8}\)/.test(text.slice(this.#at, this.#at + 10))) {
            this.#at = text.indexOf(')', this.#at) + 1
            words.length = 0
            end = this.#at
            break
          }
          if (group !== undefined) break
        }
        group = this.#group(')')
        end = this.#at
        continue
      }
      if (char === '<' || char === '>' || char === '&') {
        if (text[this.#at + 1] !== '(') {
          redirects.push(this.#redirect(this.#at))
          end = this.#at
          continue
        }
      }
      if (words.length === 0 && (char === '{' || char === '}') && this.#endsWordAt(this.#at + 1)) {
        if (char === '}') {
          // Closes a group that this parser did not open; what follows is a command of its own.
          this.#at += 1
          end = this.#at
          if (group === undefined) break
          continue
        }
        if (group !== undefined) break
        group = this.#group('}')
        end = this.#at
        continue
      }
      const word = this.#word()
      if (word.end === word.start) break
      const only = word.parts.length === 1 ? word.parts[0]! : undefined
      const literal = only?.kind === 'text' ? only.value : ''
      if (words.length === 0 && group === undefined && LEADING_KEYWORDS.has(literal)) {
        end = this.#at
        if (redirects.length === 0) return { start, end, words: [], redirects }
        continue
      }
      const next = text[this.#at]
      if ((next === '>' || next === '<') && /^\d{1,3}$/.test(literal)) {
        redirects.push(this.#redirect(word.start))
        end = this.#at
        continue
      }
      words.push(word)
      end = this.#at
    }
    return { start, end, words, redirects, ...(group === undefined ? {} : { group }) }
  }

  #group(closing: ')' | '}'): Script {
    this.#at += 1
    if (!this.#enter()) return { source: this.#text, start: this.#at, end: this.#at, pipelines: [] }
    const script = this.script(closing)
    this.#nesting -= 1
    return script
  }

  #enter(): boolean {
    if (this.#nesting + this.#depth >= LIMITS.unwrapDepthMax) {
      this.isCut = true
      return false
    }
    this.#nesting += 1
    return true
  }

  #redirect(start: number): Redirect {
    const text = this.#text
    const found = /^(?:&>>|&>|<<<|<<-|<<|<>|<&|<|>>|>\||>&|>)/.exec(
      text.slice(this.#at, this.#at + 3),
    )
    const operator = found?.[0] ?? text[this.#at]!
    this.#at += operator.length
    this.#skipBlank()
    const word = this.#word()
    const target = word.end > word.start ? word : undefined
    const redirect: Redirect = { start, end: this.#at, operator, target }
    if ((operator === '<<' || operator === '<<-') && target !== undefined) {
      if (this.#pending.length < LIMITS.unwrapDepthMax)
        this.#pending.push({
          redirect,
          delimiter: wordText(target.parts),
          stripTabs: operator === '<<-',
        })
      else this.isCut = true
    }
    return redirect
  }

  /** Reads the here-documents whose lines start here. */
  #readBodies(): void {
    const text = this.#text
    for (const { redirect, delimiter, stripTabs } of this.#pending) {
      const start = this.#at
      const lines: string[] = []
      while (this.#at < text.length) {
        const newline = text.indexOf('\n', this.#at)
        const stop = newline === -1 ? text.length : newline
        let line = text.slice(this.#at, stop)
        this.#at = newline === -1 ? stop : stop + 1
        if (stripTabs) line = line.replace(/^\t+/, '')
        if (line === delimiter || line === `${delimiter}\r`) break
        lines.push(line)
      }
      redirect.body = {
        start,
        end: this.#at,
        text: lines.length === 0 ? '' : `${lines.join('\n')}\n`,
      }
    }
    this.#pending = []
  }

  #word(): Word {
    const text = this.#text
    const start = this.#at
    const parts: Part[] = []
    while (this.#at < text.length) {
      const from = this.#at
      const code = text.charCodeAt(from)
      if (code < 128 && (CLASS[code]! & ENDS_WORD) !== 0) {
        // `<(...)` stands inside a word.
        if ((code === 0x3c || code === 0x3e) && text[from + 1] === '(' && from === start) {
          this.#at += 2
          parts.push(this.#nested(from, 'process'))
          continue
        }
        break
      }
      if (code < 128 && (CLASS[code]! & ENDS_TEXT) !== 0) {
        parts.push(this.#special(code, false))
        continue
      }
      let at = from + 1
      for (; at < text.length; at += 1) {
        const next = text.charCodeAt(at)
        if (next < 128 && (CLASS[next]! & ENDS_TEXT) !== 0) break
      }
      this.#at = at
      parts.push({ kind: 'text', value: text.slice(from, at) })
    }
    return { start, end: this.#at, parts }
  }

  /** Reads a part that starts with a backslash, a quote, `$` or a backtick. */
  #special(code: number, isQuoted: boolean): Part {
    const text = this.#text
    const from = this.#at
    switch (code) {
      case 0x5c: {
        const next = text[from + 1] ?? ''
        this.#at = Math.min(text.length, from + 2)
        const raw = text.slice(from, this.#at)
        if (next === '\n') return { kind: 'escape', value: '', raw }
        if (next === '') return { kind: 'text', value: '\\' }
        // `\x41` without quotes is x41 to a shell; whoever types it means what an escape means.
        if (!isQuoted && NUMBER_ESCAPE.test(text.slice(from + 1, from + 6))) {
          this.#at = from + 1
          return { kind: 'text', value: '\\' }
        }
        if (isQuoted && !'$`"\\'.includes(next)) return { kind: 'text', value: raw }
        return { kind: 'escape', value: next, raw }
      }
      case 0x27: {
        const close = text.indexOf("'", from + 1)
        const end = close === -1 ? text.length : close
        this.#at = close === -1 ? end : end + 1
        return {
          kind: 'single',
          value: text.slice(from + 1, end),
          raw: text.slice(from, this.#at),
        }
      }
      case 0x22: {
        this.#at += 1
        const parts = this.quotedParts('"')
        return { kind: 'double', parts, raw: text.slice(from, this.#at) }
      }
      case 0x60:
        return this.#backtick()
      default:
        return this.#dollar(isQuoted)
    }
  }

  /** Reads the inside of double quotes up to the closing one, which it takes. */
  quotedParts(closing: '' | '"'): readonly Part[] {
    const text = this.#text
    const parts: Part[] = []
    let from = this.#at
    const flush = (): void => {
      if (this.#at > from) parts.push({ kind: 'text', value: text.slice(from, this.#at) })
    }
    while (this.#at < text.length) {
      const code = text.charCodeAt(this.#at)
      if (code === 0x22 && closing === '"') {
        flush()
        this.#at += 1
        return parts
      }
      if (code === 0x5c || code === 0x24 || code === 0x60) {
        flush()
        parts.push(this.#special(code, true))
        from = this.#at
      } else this.#at += 1
    }
    flush()
    return parts
  }

  #backtick(): Part {
    const text = this.#text
    const from = this.#at
    let at = from + 1
    let hasEscape = false
    while (at < text.length && text[at] !== '`') {
      if (text[at] === '\\') {
        hasEscape = true
        at += 1
      }
      at += 1
    }
    const close = Math.min(at, text.length)
    this.#at = Math.min(close + 1, text.length)
    const raw = text.slice(from, this.#at)
    if (!this.#enter()) return { kind: 'text', value: raw }
    const inside = text.slice(from + 1, close)
    const parser = new Parser(
      hasEscape ? inside.replace(/\\([\\`$])/g, '$1') : inside,
      this.#depth + this.#nesting,
    )
    const script = parser.script('')
    this.#nesting -= 1
    this.isCut ||= parser.isCut
    return { kind: 'script', script, style: 'backtick', raw }
  }

  #dollar(isQuoted: boolean): Part {
    const text = this.#text
    const from = this.#at
    const next = text[from + 1] ?? ''
    if (next === "'" && !isQuoted) {
      let at = from + 2
      while (at < text.length && text[at] !== "'") at += text[at] === '\\' ? 2 : 1
      const end = Math.min(at, text.length)
      this.#at = Math.min(end + 1, text.length)
      return { kind: 'ansi', value: text.slice(from + 2, end), raw: text.slice(from, this.#at) }
    }
    if (next === '"' && !isQuoted) {
      this.#at += 2
      const parts = this.quotedParts('"')
      return { kind: 'double', parts, raw: text.slice(from, this.#at) }
    }
    if (next === '(') {
      this.#at += 2
      const isArithmetic = text[this.#at] === '('
      return this.#nested(from, isArithmetic ? 'arithmetic' : 'substitution')
    }
    if (next === '{') return this.#braced()
    PARAMETER_NAME.lastIndex = from + 1
    const name = PARAMETER_NAME.exec(text)?.[0]
    if (name === undefined) {
      this.#at += 1
      return { kind: 'text', value: '$' }
    }
    this.#at = from + 1 + name.length
    return { kind: 'parameter', name, operation: '', raw: text.slice(from, this.#at) }
  }

  #nested(from: number, style: 'substitution' | 'arithmetic' | 'process'): Part {
    const text = this.#text
    if (!this.#enter()) return { kind: 'text', value: text.slice(from, this.#at) }
    // Here-documents of the text around it start after the next line break of that text.
    const pending = this.#pending
    this.#pending = []
    const script = this.script(')')
    this.#pending = pending
    this.#nesting -= 1
    const raw = text.slice(from, this.#at)
    // `$((1+2))` was read as a group in a substitution: one that ends with `))` computes and runs nothing.
    const computes = style === 'arithmetic' && raw.endsWith('))') && !/[;|&\s]\w+ /.test(raw)
    return {
      kind: 'script',
      script,
      style: style === 'arithmetic' && !computes ? 'substitution' : style,
      raw,
    }
  }

  /** Reads `${...}`; the end is the brace that fits, quotes and nested braces skipped. */
  #braced(): Part {
    const text = this.#text
    const from = this.#at
    let at = from + 2
    let open = 1
    while (at < text.length) {
      const char = text[at]
      if (char === '\\') at += 1
      else if (char === "'") {
        const close = text.indexOf("'", at + 1)
        at = close === -1 ? text.length : close
      } else if (char === '{') open += 1
      else if (char === '}') {
        open -= 1
        if (open === 0) break
      }
      at += 1
    }
    const end = Math.min(at, text.length)
    this.#at = Math.min(end + 1, text.length)
    const raw = text.slice(from, this.#at)
    const inside = text.slice(from + 2, end)
    const name = BRACED_NAME.exec(inside)?.[0] ?? ''
    return { kind: 'parameter', name, operation: inside.slice(name.length), raw }
  }

  #endsWordAt(at: number): boolean {
    const code = this.#text.charCodeAt(at)
    return Number.isNaN(code) || (code < 128 && (CLASS[code]! & ENDS_WORD) !== 0)
  }

  /** Skips blanks, continued lines and, at the start of a word, a comment. */
  #skipBlank(): void {
    const text = this.#text
    while (this.#at < text.length) {
      const code = text.charCodeAt(this.#at)
      if (code === 0x20 || code === 0x09 || code === 0x0d) this.#at += 1
      else if (code === 0x5c && text[this.#at + 1] === '\n') this.#at += 2
      else break
    }
    if (text[this.#at] !== '#') return
    const before = this.#at === 0 ? ' ' : text[this.#at - 1]!
    if (!' \t\r\n;&|()'.includes(before)) return
    const newline = text.indexOf('\n', this.#at)
    this.#at = newline === -1 ? text.length : newline
  }

  #skipLines(): void {
    this.#skipBlank()
    while (this.#text[this.#at] === '\n') {
      this.#at += 1
      this.#readBodies()
      this.#skipBlank()
    }
  }
}

const NUMBER_ESCAPE = /^(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|0?[0-3][0-7]{2})/
const PARAMETER_NAME = /[A-Za-z_]\w*|[0-9@*#?$!-]/y
const BRACED_NAME = /^(?:[#!]?[A-Za-z_]\w*|[#!]?[0-9]+|[#!]?[@*]|[#?$!-])/
