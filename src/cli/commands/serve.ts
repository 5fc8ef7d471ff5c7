import { setTimeout as wait } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { ServeError } from '../../core/errors.ts'
import { LIMITS } from '../../limits.ts'
import { terminal } from '../../output/encode/terminal.ts'
import { systemdNotifier } from '../../telemetry/systemd.ts'
import { OneTimeCode } from '../../web/accounts.ts'
import type { App } from '../app.ts'
import { type Command, EXIT } from '../command.ts'
import {
  badTls,
  openAccounts,
  openServedStore,
  originOf,
  partsOf,
  readTls,
  serverOptions,
} from '../dashboard.ts'

export const serve: Command = {
  name: 'serve',
  summary: 'Open the dashboard and the JSON API',
  arguments: '',
  argumentCount: [0, 0],
  options: {
    host: { type: 'string', value: 'ADDRESS', help: 'address to listen at (serve.host)' },
    port: {
      type: 'integer',
      value: 'N',
      min: 0,
      max: 65_535,
      help: 'port (serve.port, default 8622); 0 for a free one',
    },
    origin: {
      type: 'string',
      value: 'URL',
      help: 'address as browsers see it, behind a reverse proxy (serve.origin)',
    },
    'tls-cert': { type: 'string', value: 'FILE', help: 'certificate in PEM (serve.tls_cert)' },
    'tls-key': { type: 'string', value: 'FILE', help: 'its private key in PEM (serve.tls_key)' },
    'insecure-plain-http': {
      type: 'boolean',
      help: 'listen beyond this machine without TLS: passwords cross the network readable',
    },
  },
  examples: [
    'serve',
    'serve --port 9000',
    'serve --host 0.0.0.0 --tls-cert nacre.pem --tls-key nacre.key',
  ],
  description:
    'Listens on this machine alone unless told otherwise. The first start prints a link, good once and for 15 minutes, to make the\n' +
    'first user with; "nacre users add" makes others. How to put it behind TLS or a reverse proxy: docs/dashboard.md.',
  async run(app, _, options) {
    const { createServer } = await import('../../web/server.ts')
    const { warmOverviews } = await import('../../web/data/overview.ts')
    const store = await openServedStore(app)
    try {
      const isFirst = openAccounts(app, store).users().length === 0
      const firstCode = isFirst ? new OneTimeCode(app.clock) : undefined
      const made = await serverOptions(app, options['insecure-plain-http'] === true, firstCode)
      const parts = await partsOf(app, store)
      const { server } = await createServer(parts, made).catch((cause) => {
        // What OpenSSL says of a certificate that it cannot use.
        if (made.tls !== undefined && String(cause?.code).startsWith('ERR_'))
          throw badTls('Certificate and key cannot be used together.', cause)
        throw cause
      })
      const port = await listen(app, server)
      const origin = originOf(app.settings.serve, port)
      const first =
        firstCode === undefined
          ? terminal``
          : terminal`\nNobody may sign in yet. Make the first user within ${LIMITS.webFirstLinkMinutes} minutes, once:\n  ${terminal.own(`${origin}/first#${firstCode.code}`)}`
      app.out.note(terminal`The dashboard is at ${terminal.own(origin)}${first}`)
      // Whoever opens an overview that could not be made sees why.
      const warmed = warmOverviews(parts, app.signal).catch(() => undefined)
      await serveUntilStopped(app, server)
      await warmed
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}

/** @returns the port it listens at @throws ServeError */
async function listen(app: App, server: FastifyInstance): Promise<number> {
  const { host, port } = app.settings.serve
  try {
    await server.listen({ host, port })
  } catch (cause) {
    await server.close()
    const code = (cause as NodeJS.ErrnoException).code
    if (code === 'EADDRINUSE')
      throw new ServeError(
        'SERVE_PORT_TAKEN',
        `Something listens at ${host} port ${port} already.`,
        {
          hint: 'It may be another "nacre serve". Stop it, or choose another port with --port.',
          cause,
        },
      )
    throw new ServeError(
      'SERVE_CANNOT_LISTEN',
      `The address ${host} port ${port} cannot be used: ${code}.`,
      {
        hint: 'serve.host names an address of this machine; ports below 1024 are for the system.',
        cause,
      },
    )
  }
  const address = server.server.address()
  return typeof address === 'object' && address !== null ? address.port : port
}

/** Answers until the signal comes, then lets requests under way end. */
async function serveUntilStopped(app: App, server: FastifyInstance): Promise<void> {
  const notifier = systemdNotifier(process.env)
  notifier.ready('serving')
  const { watchdogMs } = notifier
  const alive =
    watchdogMs === undefined ? undefined : setInterval(() => notifier.alive('serving'), watchdogMs)
  const renew = renewTls(app, server)
  if (!app.signal.aborted)
    await new Promise<void>((resolve) =>
      app.signal.addEventListener('abort', () => resolve(), { once: true }),
    )
  notifier.stopping()
  clearInterval(alive)
  clearInterval(renew)
  const closed = server.close()
  const late = wait(LIMITS.webDrainMs, undefined, { ref: false }).then(() =>
    server.server.closeAllConnections(),
  )
  await Promise.race([closed, late.then(() => closed)])
}

/** Takes a certificate that was renewed, without a restart. */
function renewTls(app: App, server: FastifyInstance): NodeJS.Timeout | undefined {
  let tls = readTls(app.settings.serve)
  if (tls === undefined || !('setSecureContext' in server.server)) return undefined
  const secure = server.server as import('node:https').Server // it has the method
  return setInterval(() => {
    try {
      const fresh = readTls(app.settings.serve)!
      if (tls !== undefined && fresh.cert.equals(tls.cert) && fresh.key.equals(tls.key)) return
      secure.setSecureContext({ ...fresh, minVersion: 'TLSv1.2' })
      tls = fresh
      app.out.note(terminal`The renewed certificate is in use.`)
    } catch {
      // Half written, or gone: the one in use stays, and the next look finds what is there then.
    }
  }, LIMITS.webCertificateMs).unref()
}
