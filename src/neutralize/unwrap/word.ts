/** One word of a command on its way from its parts to the fields a shell would make of it. */

/** A field: what the command gets, and how a command line shows it. */
export type Field = {
  /** The value; parts that only a running shell knows stand as typed. */
  readonly text: string
  readonly shown: string
  readonly isKnown: boolean
  /** Contents of the file that the field names: `<(echo x)`. */
  readonly contents?: Buffer
}

const SAFE = /^[\w@%+=:,./^~-]*$/

/** Collects the pieces of a word. */
export class WordBuilder {
  readonly fields: Field[] = []
  readonly #separators: string
  #text = ''
  #quotable = ''
  #isKnown = true
  #needsQuotes = false
  #isOpen = false

  constructor(separators: string) {
    this.#separators = separators
  }

  /** The last character so far of the field that is being built. */
  get last(): string {
    return this.#text.slice(-1)
  }

  /** Adds text that stands without quotes: what is special in it is meant so. */
  addPlain(text: string): void {
    this.#text += text
    this.#quotable += escaped(text)
    this.#isOpen = true
  }

  /** Adds text that means itself. */
  addLiteral(text: string): void {
    this.addPlain(text)
    if (!SAFE.test(text)) this.#needsQuotes = true
  }

  /** Adds a value that a shell splits into words. */
  addSplit(text: string): void {
    let from = 0
    for (let at = 0; at < text.length; at += 1) {
      if (!this.#separators.includes(text[at]!)) continue
      if (at > from) this.addLiteral(text.slice(from, at))
      this.#close()
      from = at + 1
    }
    if (from < text.length) this.addLiteral(text.slice(from))
  }

  /** Adds what only a running shell knows, as typed. */
  addUnknown(raw: string): void {
    this.#text += raw
    this.#quotable += raw
    this.#isKnown = false
    this.#isOpen = true
  }

  /** The fields; a word that had quotes is one even when it is empty. */
  end(hadQuotes: boolean): readonly Field[] {
    if (hadQuotes && this.fields.length === 0) this.#isOpen = true
    this.#close()
    return this.fields
  }

  #close(): void {
    if (!this.#isOpen) return
    const text = this.#text
    let shown = text
    if (this.#needsQuotes || text === '')
      shown =
        this.#isKnown && !text.includes("'")
          ? `'${text}'`
          : `"${this.#isKnown ? escaped(text) : this.#quotable}"`
    this.fields.push({ text, shown, isKnown: this.#isKnown })
    this.#text = ''
    this.#quotable = ''
    this.#isKnown = true
    this.#needsQuotes = false
    this.#isOpen = false
  }
}

/** A text as one word of a command line. */
export function asWord(text: string): string {
  if (text !== '' && SAFE.test(text)) return text
  return text.includes("'") ? `"${escaped(text)}"` : `'${text}'`
}

function escaped(text: string): string {
  return /[\\"$`]/.test(text) ? text.replace(/[\\"$`]/g, '\\$&') : text
}
