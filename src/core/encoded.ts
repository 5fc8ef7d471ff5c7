/** Places that text leaves to; each has its own dangerous characters, so each has its own encoder. */
export const CONTEXTS = [
  'terminal',
  'html',
  'csv',
  'markdown',
  'json',
  'log',
  'mail',
  'mail-header',
  'stix',
  'prompt',
] as const

export type Context = (typeof CONTEXTS)[number]

/**
 * Text that is safe to write into one context, and into that one alone.
 *
 * An object and not a branded string: a template can tell at run time what is encoded already, so nothing is encoded
 * twice or not at all, and text for one context does not slip into another.
 */
export class Encoded<C extends Context = Context> {
  readonly context: C
  readonly #text: string

  private constructor(context: C, text: string) {
    this.context = context
    this.#text = text
  }

  /** What to write. */
  get text(): string {
    return this.#text
  }

  toString(): string {
    return this.#text
  }

  /** Vouches for a text. Called by encoders (`src/output/`) and by the layout of terminal text alone; a test looks. */
  static vouch<C extends Context>(context: C, text: string): Encoded<C> {
    return new Encoded(context, text)
  }
}
