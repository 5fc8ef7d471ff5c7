/** Addresses within texts, and whether they are the operator's own. */
import { BlockList, isIPv4, isIPv6 } from 'node:net'

/**
 * Networks that are nobody's on the internet: an address of theirs in a log is one of the operator's own network
 * (RFC 1918, 6598, 3927, 4193, 4291).
 */
export const PRIVATE_NETWORKS: readonly string[] = [
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '::1/128',
  'fc00::/7',
  'fe80::/10',
]

// Rows of numbers with dots, whatever stands around them; rows of five hold two addresses. Dots and colons may be typed
// defanged.
const V4_ROW = /\d{1,3}(?:(?:\.|\[\.\])\d{1,3}){3,}/g
// Bounded, so that the time is linear in the text; longer than an address, so that a word or a port beside it cuts none.
const V6 = /(?:[0-9A-Fa-f:]|\[:\]){2,60}(?:(?:\.|\[\.\])\d{1,3}){0,3}/g
const V6_GROUPS = 8

/** Networks in CIDR form, each checked. */
export class Networks {
  readonly #list = new BlockList()
  /** Those of the operator alone. */
  readonly #named = new BlockList()

  /** @param networks - such as `192.0.2.0/24`, or one address; each passes `isNetwork` */
  constructor(networks: readonly string[]) {
    for (const one of networks) {
      const [address, bits] = one.split('/') as [string, string?]
      const family = isIPv4(address) ? 'ipv4' : 'ipv6'
      const length = Number(bits ?? (family === 'ipv4' ? 32 : 128))
      this.#list.addSubnet(address, length, family)
      if (!PRIVATE_NETWORKS.includes(one)) this.#named.addSubnet(address, length, family)
    }
  }

  has(address: string): boolean {
    if (isIPv4(address)) return this.#list.check(address, 'ipv4')
    if (!isIPv6(address)) return false
    const mapped = /^::(?:ffff:)?(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
    if (mapped !== undefined) return this.#list.check(mapped, 'ipv4')
    return this.#list.check(address, 'ipv6')
  }

  /** Puts a mark in the place of each address of these networks. */
  replaceIn(text: string, mark: string): string {
    let changed = text
    if (text.includes(':'))
      changed = changed.replace(V6, (row) => (this.#hasV6(bare(row)) ? mark : row))
    if (!text.includes('.')) return changed
    return changed.replace(V4_ROW, (row) => (this.#hasOneOf(row) ? mark : row))
  }

  #hasV6(row: string): boolean {
    // A colon may end the words before the address, or begin a port.
    const plain = row.replace(/^:(?!:)|(?<!:):$/g, '')
    if (this.has(row) || this.has(plain)) return true
    // Words or a port that look like groups (`SHA256:2001:db8::7`, `2001:db8::7:22`). Where the whole is an address, a part
    // of it in a private network says nothing: `fd00::1` ends many.
    const list = isIPv6(row) || isIPv6(plain) ? this.#named : this.#list
    const groups = plain.split(':')
    for (let from = 0; from < groups.length; from += 1) {
      if (groups[from] === '') continue
      for (let to = from + 2; to <= Math.min(groups.length, from + V6_GROUPS + 1); to += 1) {
        const part = groups.slice(from, to).join(':')
        const isLong = to - from === V6_GROUPS || part.includes('::')
        if (isLong && isIPv6(part) && list.check(part, 'ipv6')) return true
      }
    }
    return false
  }

  #hasOneOf(row: string): boolean {
    const numbers = bare(row).split('.').map(Number)
    for (let at = 0; at + 4 <= numbers.length; at += 1) {
      if (this.has(numbers.slice(at, at + 4).join('.'))) return true
    }
    return false
  }
}

/** A row without the brackets of defanged dots and colons. */
function bare(row: string): string {
  return row.replaceAll(/[[\]]/g, '')
}

/** Whether a text is an address or a network in CIDR form. */
export function isNetwork(text: string): boolean {
  const found = /^([0-9A-Fa-f:.]+)(?:\/(\d{1,3}))?$/.exec(text)
  if (found === null) return false
  const [, address, bits] = found
  if (isIPv4(address!)) return bits === undefined || Number(bits) <= 32
  return isIPv6(address!) && (bits === undefined || Number(bits) <= 128)
}
