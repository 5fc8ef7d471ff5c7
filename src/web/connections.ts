/** How many connections one address may hold, so that it cannot hold all of them. */
import type { Server } from 'node:net'

export type ConnectionBounds = {
  /** Of one address elsewhere; for IPv6 of a network of 64 bits, which is what one customer gets. */
  readonly ofAddress: number
  /** Of this machine: browsers, programs and tunnels of several people. */
  readonly ofLoopback: number
}

/** Closes connections that an address has too many of, before a byte of them is read. */
export function boundConnections(server: Server, bounds: ConnectionBounds): void {
  const counts = new Map<string, number>()
  server.on('connection', (socket) => {
    const holder = holderOf(socket.remoteAddress ?? '')
    const others = counts.get(holder) ?? 0
    if (others >= (holder === LOOPBACK ? bounds.ofLoopback : bounds.ofAddress)) {
      socket.destroy()
      return
    }
    counts.set(holder, others + 1)
    socket.once('close', () => {
      const left = counts.get(holder)! - 1
      if (left === 0) counts.delete(holder)
      else counts.set(holder, left)
    })
  })
}

const LOOPBACK = 'loopback'

/** Whom connections are counted for. @param address - as Node writes it: IPv6 is short and in small letters */
export function holderOf(address: string): string {
  if (isLoopback(address)) return LOOPBACK
  const plain = address.replace(/^::ffff:(?=[\d.]+$)/, '')
  if (!plain.includes(':')) return plain
  const [start = '', end] = plain.replace(/%.*$/, '').split('::')
  const first = start === '' ? [] : start.split(':')
  const last = end === undefined || end === '' ? [] : end.split(':')
  const zeros = Array.from({ length: 8 - first.length - last.length }, () => '0')
  return [...first, ...zeros, ...last].slice(0, 4).join(':')
}

/** @param address - of a connection or of who asks */
export function isLoopback(address: string): boolean {
  return /^(?:(?:::ffff:)?127\.[\d.]+|::1)$/.test(address)
}
