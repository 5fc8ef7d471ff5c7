/** Addresses as they are looked up: what logs call an address may be any text. */
import { isIPv4, isIPv6, SocketAddress } from 'node:net'
import { LIMITS } from '../limits.ts'

/** An address in the one spelling that is looked up. */
export type Address = {
  readonly family: 4 | 6
  /** 4 or 16. */
  readonly bytes: readonly number[]
  /** Dotted for IPv4; eight groups of hexadecimal digits for IPv6. */
  readonly text: string
}

/**
 * Reads an address.
 *
 * A zone (`fe80::1%eth0`) is left out: it means something on the sensor alone. IPv6 that stands for an IPv4 address
 * (`::ffff:192.0.2.1`, in any spelling) is that IPv4 address.
 *
 * @param text - any text; "unknown", names and numbers with leading zeros are no addresses
 */
export function readAddress(text: string): Address | undefined {
  if (text.length > LIMITS.geoAddressCharsMax) return undefined
  if (isIPv4(text)) return ofIPv4(text.split('.').map(Number))
  if (!isIPv6(text)) return undefined
  const bytes = bytesOf(text.replace(/%.*$/, ''))
  const isMapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff
  if (isMapped && bytes[11] === 0xff) return ofIPv4(bytes.slice(12))
  return { family: 6, bytes, text: groupsOf(bytes) }
}

/**
 * The network that an address lies in, as people write it: `192.0.2.0/24`, `2001:db8::/32`.
 *
 * @param bits - length of its prefix
 */
export function networkOf({ family, bytes }: Address, bits: number): string {
  const masked = bytes.map((byte, i) => byte & (0xff00 >> Math.max(0, Math.min(8, bits - i * 8))))
  const own = masked.map((byte) => byte & 0xff)
  if (family === 4) return `${own.join('.')}/${bits}`
  const { address } = new SocketAddress({ family: 'ipv6', address: groupsOf(own) })
  return `${address}/${bits}`
}

function ofIPv4(bytes: readonly number[]): Address {
  return { family: 4, bytes, text: bytes.join('.') }
}

/** @param text - a valid IPv6 address without a zone */
function bytesOf(text: string): number[] {
  const dotted = /\d+\.\d+\.\d+\.\d+$/.exec(text)?.[0]
  const [a = 0, b = 0, c = 0, d = 0] = dotted?.split('.').map(Number) ?? []
  const hex =
    dotted === undefined
      ? text
      : `${text.slice(0, -dotted.length)}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
  const [head = '', tail] = hex.split('::')
  const groups = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16))
  const first = groups(head)
  const last = tail === undefined ? [] : groups(tail)
  const zeros = Array<number>(8 - first.length - last.length).fill(0)
  return [...first, ...zeros, ...last].flatMap((group) => [group >> 8, group & 0xff])
}

function groupsOf(bytes: readonly number[]): string {
  return Array.from({ length: 8 }, (_, i) =>
    (bytes[i * 2]! * 256 + bytes[i * 2 + 1]!).toString(16),
  ).join(':')
}
