import type { Detector, Range } from './detector.ts'

/**
 * E-mail addresses: a local part, `@` or `%40`, and a domain with a dot whose last label is made of letters.
 *
 * `root@host` and `root@192.0.2.1` are no addresses; `root@host.example` is one, although it may be where somebody
 * logs in: the two look the same. Not taken for addresses: user and host of a URL or of a path (`a@host.example:/tmp`),
 * algorithms of OpenSSH, units of systemd, names of images (`logo@2x.png`). Quoted local parts and comments of RFC 5322
 * are not read.
 */
export const email: Detector = { name: 'email', find }

// As people have them. RFC 5322 also allows / = & | and more, which in a shell command end a word.
const LOCAL = /^[\p{L}\p{M}\p{N}._%+-]$/u
const SEPARATOR = /@|%40/g
// RFC 1035, section 2.3.4: a domain has at most 255 octets.
const DOMAIN = /[\p{L}\p{M}\p{N}][\p{L}\p{M}\p{N}.-]{0,254}/uy
// RFC 4251, section 6: names of algorithms that are not standard end with the domain of whoever made them.
const ALGORITHM_HOME =
  /^(?:openssh\.com|libssh\.org|ssh\.com|lysator\.liu\.se|tinyssh\.org|putty\.projects\.tartarus\.org)$/
const ALGORITHM = /^(?:zlib|.*[-0-9].*)$/
const UNIT = /\.(?:service|socket|timer|target|mount|automount|slice|scope|swap|device)$/
const IMAGE = /^[1-9]x\.(?:png|jpe?g|gif|webp|svg)$/
/** `scp x user@host.example:/tmp`: who logs in where, and a path there. */
const PATH = /^:[/~]/
const LETTER = /\p{L}/u

const NONE: readonly Range[] = []

function find(text: string): readonly Range[] {
  if (!text.includes('@') && !text.includes('%40')) return NONE
  const ranges: Range[] = []
  const authority = new Authority(text)
  // What lies before it belongs to an earlier separator: so the ways back never overlap, and the whole is linear.
  let floor = 0
  SEPARATOR.lastIndex = 0
  for (let found = SEPARATOR.exec(text); found !== null; found = SEPARATOR.exec(text)) {
    const at = found.index
    const after = at + found[0].length
    const start = localStart(text, at, floor)
    floor = after
    if (start === at) continue
    DOMAIN.lastIndex = after
    const domain = domainOf(DOMAIN.exec(text)?.[0] ?? '')
    if (domain === '') continue
    if (isOther(text.slice(start, at), domain.toLowerCase())) continue
    const end = after + domain.length
    if (found[0] === '@' && (authority.isAround(at) || PATH.test(text.slice(end, end + 2))))
      continue
    ranges.push([start, end])
    floor = end
    SEPARATOR.lastIndex = end
  }
  return ranges
}

function localStart(text: string, end: number, floor: number): number {
  let at = end
  while (at > floor) {
    let from = at - 1
    const unit = text.charCodeAt(from)
    if (unit >= 0xdc00 && unit <= 0xdfff && from > floor) {
      const lead = text.charCodeAt(from - 1)
      if (lead >= 0xd800 && lead <= 0xdbff) from -= 1
    }
    const spelled = escapeStart(text, at, floor)
    if (spelled !== undefined) from = spelled
    // O'Brien keeps his apostrophe; a quote that opens a word stays outside.
    else if (!LOCAL.test(text.slice(from, at)) && !isInnerApostrophe(text, from, floor)) break
    at = from
  }
  // A dot or a hyphen before the first letter is punctuation.
  while (at < end && (text[at] === '.' || text[at] === '-' || text[at] === '%')) at += 1
  return at
}

/** Where `\xNN` begins that ends here: since 3.0.5 Cowrie writes the bytes of credentials so. */
function escapeStart(text: string, end: number, floor: number): number | undefined {
  const start = end - 4
  if (start < floor || text[start] !== '\\' || text[start + 1] !== 'x') return undefined
  return /^[89a-f][0-9a-f]$/.test(text.slice(start + 2, end)) ? start : undefined
}

function isInnerApostrophe(text: string, at: number, floor: number): boolean {
  return (
    text[at] === "'" &&
    at > floor &&
    LETTER.test(text[at - 1]!) &&
    LETTER.test(text[at + 1] ?? '') &&
    (at - 1 === floor || /[^\p{L}]/u.test(text[at - 2] ?? ' '))
  )
}

/** The longest start of a run of labels that is a domain with a dot; empty where there is none. */
function domainOf(run: string): string {
  const labels = run.split('.')
  let count = labels.findIndex((label) => label === '' || label.startsWith('-'))
  if (count < 0) count = labels.length
  for (; count >= 2; count -= 1) {
    // After the last letter a hyphen is punctuation.
    const last = labels[count - 1]!.replace(/-+$/, '')
    const isTop = /^(?:[\p{L}\p{M}]{2,63}|xn--[a-z0-9-]{1,59})$/iu.test(last)
    if (isTop) return [...labels.slice(0, count - 1), last].join('.')
  }
  return ''
}

function isOther(local: string, domain: string): boolean {
  return (
    (ALGORITHM_HOME.test(domain) && ALGORITHM.test(local)) ||
    UNIT.test(domain) ||
    IMAGE.test(domain)
  )
}

/** Whether a position lies between `//` and the next slash of a URL. Positions are asked for in ascending order. */
class Authority {
  readonly #text: string
  #looked = 0
  #isInside = false

  constructor(text: string) {
    this.#text = text
  }

  isAround(at: number): boolean {
    for (; this.#looked < at; this.#looked += 1) {
      const unit = this.#text[this.#looked]!
      if (unit === '/')
        this.#isInside =
          this.#text[this.#looked - 1] === '/' && this.#text[this.#looked - 2] === ':'
      else if (/[\s"'<>?#\\]/.test(unit)) this.#isInside = false
    }
    return this.#isInside
  }
}
