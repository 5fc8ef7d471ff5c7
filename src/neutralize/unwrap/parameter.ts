/** Values of variables as far as the text itself sets them; what it never sets is empty where it splits a word. */
import { LIMITS } from '../../limits.ts'

/** Where a parameter stands: what is known of the word around it. */
export type Place = {
  /** Last character before it and first after it, within the word; empty at its ends. */
  readonly before: string
  readonly after: string
  /** Whether other pieces stand in the word. */
  readonly isInWord: boolean
  readonly isCommandName: boolean
  readonly followsParameter: boolean
}

// Set in every shell, to values that are not in the text.
const ENVIRONMENT =
  /^(?:HOME|PATH|USER|LOGNAME|SHELL|PWD|OLDPWD|HOSTNAME|HOSTTYPE|MACHTYPE|OSTYPE|RANDOM|LANG|LC_\w+|UID|EUID|PPID|SECONDS|LINENO|TERM|MAIL|BASH\w*|PS[1-4]|SSH_\w+|DISPLAY|EDITOR|TMPDIR|COLUMNS|LINES|SHLVL|_)$/

/** Variables of one text. */
export class Variables {
  /** undefined: set to something that is not known. */
  readonly #values = new Map<string, string | undefined>()

  set(name: string, value: string | undefined): void {
    if (this.#values.size >= LIMITS.unwrapNamesMax && !this.#values.has(name)) return
    this.#values.set(
      name,
      value !== undefined && value.length > VALUE_CHARS_MAX ? undefined : value,
    )
  }

  get(name: string): string | undefined {
    return this.#values.get(name)
  }

  /** Characters that split words; nobody needs more than a few. */
  get separators(): string {
    return this.#values.get('IFS')?.slice(0, 16) ?? ' \t\n'
  }

  /** What a parameter becomes; undefined when only a running shell knows. */
  expand(name: string, operation: string, place: Place): string | undefined {
    if (name === 'IFS')
      return this.#values.has('IFS') && operation === '' ? this.#values.get('IFS') : ' '
    if (name.startsWith('!') && name.length > 1) {
      const target = this.#values.get(name.slice(1))
      return target === undefined ? undefined : this.#values.get(target)
    }
    if (name.startsWith('#') && name.length > 1) {
      const value = this.#values.get(name.slice(1))
      return value === undefined ? undefined : String(value.length)
    }
    if (this.#values.has(name)) {
      const value = this.#values.get(name)
      return value === undefined ? undefined : operated(value, operation)
    }
    return this.#unset(name, operation, place)
  }

  #unset(name: string, operation: string, place: Place): string | undefined {
    if (/^[0#?$!-]$/.test(name)) return undefined
    // Paths: their first character is the slash that filters look for.
    if (/^(?:HOME|PATH|PWD|OLDPWD|SHELL)$/.test(name) && /^:0:1$|^%%\[?[a-z]\]?\*$/.test(operation))
      return '/'
    if (ENVIRONMENT.test(name)) return undefined
    const preset = /^:?([-=+])(.*)$/s.exec(operation)
    if (preset !== null) {
      if (/[$`\\'"]/.test(preset[2]!)) return undefined
      if (preset[1] === '=') this.set(name, preset[2]!)
      return preset[1] === '+' ? '' : preset[2]!
    }
    const splits = /\w/.test(place.before) && /\w/.test(place.after)
    if (splits || place.followsParameter) return ''
    if (!place.isCommandName || !place.isInWord) return undefined
    return /\w/.test(place.before) || /\w/.test(place.after) ? '' : undefined
  }
}

const VALUE_CHARS_MAX = 8_192

/** `${x:0:2}`, `${x#a}`, `${x/a/b}` and their like on a known value, without patterns. */
function operated(value: string, operation: string): string | undefined {
  if (operation === '') return value
  const part = /^:\s{0,4}(\d{1,6}|\s-\d{1,6}|\(-\d{1,6}\))(?::(-?\d{1,6}))?$/.exec(operation)
  if (part !== null) {
    const from = Number(part[1]!.replace(/[()\s]/g, ''))
    const rest = value.slice(from)
    if (part[2] === undefined) return rest
    const length = Number(part[2])
    return length < 0 ? rest.slice(0, length) : rest.slice(0, length)
  }
  const preset = /^:?([-=+?])(.*)$/s.exec(operation)
  if (preset !== null) return preset[1] === '+' ? preset[2]! : value
  const found = /^(,,?|\^\^?|\/\/?|##?|%%?)(.*)$/s.exec(operation)
  if (found === null || /[*?[\]$`\\'"]/.test(found[2]!)) return undefined
  const [, operator, argument] = found as unknown as [string, string, string]
  switch (operator[0]) {
    case ',':
    case '^': {
      if (argument !== '') return undefined
      const turned = operator[0] === ',' ? value.toLowerCase() : value.toUpperCase()
      return operator.length === 2 ? turned : turned.slice(0, 1) + value.slice(1)
    }
    case '#':
      return value.startsWith(argument) ? value.slice(argument.length) : value
    case '%':
      return value.endsWith(argument) ? value.slice(0, value.length - argument.length) : value
    default: {
      const slash = argument.indexOf('/')
      const from = slash === -1 ? argument : argument.slice(0, slash)
      const to = slash === -1 ? '' : argument.slice(slash + 1)
      if (from === '') return value
      // A value of 8 KiB in which each character becomes many would be a bomb.
      if (to.length > from.length * 16) return undefined
      return operator === '//' ? value.split(from).join(to) : value.replace(from, () => to)
    }
  }
}
