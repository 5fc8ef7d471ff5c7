/** Connections of one address: so many, and the next is closed. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { holderOf } from '../../src/web/connections.ts'
import { withDashboard } from '../support/web.ts'

const ASK = 'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n'

/** Whether a connection is answered; it stays open. */
async function isAnswered(socket: Socket): Promise<boolean> {
  socket.write(`${ASK}\r\n`)
  const [first] = await Promise.race([once(socket, 'data'), once(socket, 'close')])
  return Buffer.isBuffer(first)
}

test('an address holds so many connections and no more; one that ends makes room', async () => {
  for (const [trustedProxies, isBound] of [
    [[], true],
    [['127.0.0.1'], false],
  ] as const)
    await withDashboard(
      async ({ server }) => {
        await server.listen({ host: '127.0.0.1', port: 0 })
        const { port } = server.server.address() as { port: number } // it listens
        const open = (): Socket => connect(port, '127.0.0.1').on('error', () => {})
        const sockets = [open(), open(), open()]
        for (const socket of sockets) assert.equal(await isAnswered(socket), true)
        const further = open()
        assert.equal(await isAnswered(further), !isBound)
        further.destroy()
        sockets[0]!.write(`${ASK}Connection: close\r\n\r\n`)
        await text(sockets[0]!)
        // The server hears of the end in its own time.
        let last = open()
        while (!(await isAnswered(last))) last = open()
        for (const socket of [...sockets, last]) socket.destroy()
      },
      { options: { trustedProxies, connections: { ofAddress: 1, ofLoopback: 3 } } },
    )
})

test('connections are counted by address, of IPv6 by network, of this machine together', () => {
  assert.equal(holderOf('192.0.2.7'), '192.0.2.7')
  assert.equal(holderOf('::ffff:192.0.2.7'), '192.0.2.7')
  assert.equal(holderOf('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2')
  assert.equal(holderOf('2001:db8:1:2::6'), '2001:db8:1:2')
  assert.equal(holderOf('2001:db8::6'), '2001:db8:0:0')
  assert.equal(holderOf('fe80::1%eth0'), 'fe80:0:0:0')
  assert.equal(holderOf('127.0.0.1'), holderOf('::1'))
  assert.equal(holderOf('::ffff:127.8.0.1'), holderOf('::1'))
  assert.notEqual(holderOf('::2'), holderOf('::1'))
})
