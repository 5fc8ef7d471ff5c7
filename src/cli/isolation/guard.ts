/**
 * Loaded before the program in a process that has no business on the network: whatever would open a connection, ask for a
 * name or start a program throws.
 *
 * The one exception is the address of a database server, where the store is on one. It holds on every system; where the
 * kernel takes the network away as well, nothing that goes round JavaScript gets out either.
 */
import childProcess from 'node:child_process'
import dgram from 'node:dgram'
import dns from 'node:dns'
import inspector from 'node:inspector'
import { syncBuiltinESMExports } from 'node:module'
import net from 'node:net'
import { ALLOWED_VARIABLE, type AllowedAddress, ISOLATED } from './mark.ts'

const allowed = JSON.parse(process.env[ALLOWED_VARIABLE] ?? '[]') as readonly AllowedAddress[]
delete process.env[ALLOWED_VARIABLE]

class IsolatedError extends Error {
  readonly code = 'ERR_NACRE_ISOLATED'

  constructor(what: string) {
    super(`${what} is not allowed here: this process has no network.`)
  }
}

const refuse = (what: string) => (): never => {
  throw new IsolatedError(what)
}

function replace(owner: object, name: string | symbol, value: unknown): void {
  Object.defineProperty(owner, name, { value, writable: false, configurable: false })
}

/** Puts a refusal in the place of every function, that of classes included. */
function refuseAll(owner: object, what: string, except: readonly string[] = []): void {
  for (const [name, value] of Object.entries(owner))
    if (typeof value === 'function' && !except.includes(name))
      replace(owner, name, refuse(`${what}.${name}`))
}

const connect = net.Socket.prototype.connect
replace(net.Socket.prototype, 'connect', function (this: net.Socket, ...args: unknown[]) {
  if (!isAllowed(args)) throw new IsolatedError('a connection')
  return Reflect.apply(connect, this, args)
})
replace(net.Server.prototype, 'listen', refuse('net.Server.listen'))

/** @param args - in one of the forms that `connect` takes; within Node a list of options and callback */
function isAllowed(args: readonly unknown[]): boolean {
  const first: unknown = Array.isArray(args[0]) ? args[0][0] : args[0]
  const target =
    typeof first === 'object' && first !== null
      ? (first as { readonly path?: unknown; readonly host?: unknown; readonly port?: unknown })
      : /^\d+$/.test(String(first))
        ? { port: first, host: args[1] }
        : { path: first }
  return allowed.some((one) =>
    'path' in one
      ? target.path === one.path
      : target.path === undefined && target.host === one.host && Number(target.port) === one.port,
  )
}

const lookup = dns.lookup
refuseAll(dns, 'dns', ['lookup', 'setDefaultResultOrder', 'getDefaultResultOrder'])
refuseAll(dns.promises, 'dns.promises', ['setDefaultResultOrder', 'getDefaultResultOrder'])
replace(dns, 'lookup', (...args: unknown[]) => {
  if (!allowed.some((one) => 'host' in one && one.host === args[0]))
    throw new IsolatedError('dns.lookup')
  return Reflect.apply(lookup, dns, args)
})

refuseAll(dgram.Socket.prototype, 'dgram.Socket')
refuseAll(dgram, 'dgram')
refuseAll(childProcess, 'child_process')
replace(inspector, 'open', refuse('inspector.open'))
for (const name of ['fetch', 'WebSocket', 'EventSource']) replace(globalThis, name, refuse(name))
replace(process, 'binding', refuse('process.binding'))
syncBuiltinESMExports()

// Who started this process holds the other end: when it is gone, nobody waits for the result.
process.stdin.on('end', () => process.kill(process.pid, 'SIGTERM')).resume()
if ('unref' in process.stdin) process.stdin.unref()

replace(globalThis, ISOLATED, true)
