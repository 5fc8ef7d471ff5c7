/** The HTTP server of the dashboard: every route through one guard, every answer through one place. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import { OperatingError } from '../core/errors.ts'
import { escapeJson } from '../output/encode/json.ts'
import { head, html } from './components.ts'
import { type Frame, layout } from './layout.ts'
import type { Parts } from './parts.ts'
import { type Reply, RIGHTS, type Route, type SignedIn } from './route.ts'
import { ROUTES } from './routes/index.ts'

const ASSETS = new URL('../../assets/', import.meta.url)

/** Everyone, until accounts are there. */
const NOBODY: SignedIn = { user: 'operator', role: 'admin', rights: new Set(RIGHTS), csrf: '' }

export async function createServer(parts: Parts): Promise<FastifyInstance> {
  const server = fastify({ logger: false })
  const css = readFileSync(new URL('nacre.css', ASSETS), 'utf8')
  const assets = createHash('sha256').update(css).digest('hex').slice(0, 12)
  server.addHook('onSend', async (_, reply) => {
    // A report that is shown brings a stricter one.
    if (!reply.hasHeader('Content-Security-Policy'))
      reply.header(
        'Content-Security-Policy',
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
      )
    reply.header('X-Content-Type-Options', 'nosniff')
  })
  server.get('/assets/nacre.css', async (_, reply) => reply.type('text/css').send(css))
  server.get('/assets/:name', async (request, reply) => {
    const { name } = request.params as { readonly name: string } // the route has it
    if (!/^[a-z-]+\.js$/.test(name)) return reply.code(404).send()
    return reply
      .type('text/javascript')
      .send(readFileSync(new URL(`../../dist/web/client/${name}`, import.meta.url)))
  })
  for (const route of ROUTES) register(server, route, parts, assets)
  return server
}

function register(server: FastifyInstance, route: Route, parts: Parts, assets: string): void {
  server.route({
    method: route.method,
    url: route.path,
    handler: async (request, reply) => {
      const strings = (from: unknown): Record<string, string | undefined> =>
        Object.fromEntries(
          Object.entries((from ?? {}) as Record<string, unknown>).filter(
            (pair): pair is [string, string] => typeof pair[1] === 'string',
          ),
        )
      const abort = new AbortController()
      request.raw.once('close', () => abort.abort())
      const frame: Omit<Frame, 'title' | 'body' | 'scripts'> = {
        path: request.url.split('?')[0] ?? '/',
        signedIn: NOBODY,
        waiting: { heldBatches: 0, deadRegions: 0 },
        record: { state: 'unchecked', words: '' },
        assets,
      }
      try {
        const answer = await route.answers(
          {
            signedIn: NOBODY,
            params: strings(request.params) as Record<string, string>, // a matched route has all of them
            query: strings(request.query),
            body: strings(request.body),
            signal: abort.signal,
          },
          parts,
        )
        return await send(reply, answer, frame)
      } catch (error) {
        if (!(error instanceof OperatingError)) throw error
        return await send(
          reply,
          {
            kind: 'page',
            title: 'Not found',
            body: head(html.own(error.message), html.own(error.hint)),
            status: 404,
          },
          frame,
        )
      }
    },
  })
}

async function send(
  reply: FastifyReply,
  answer: Reply,
  frame: Omit<Frame, 'title' | 'body' | 'scripts'>,
): Promise<unknown> {
  switch (answer.kind) {
    case 'page':
      return reply
        .code(answer.status ?? 200)
        .type('text/html; charset=utf-8')
        .send(
          layout({
            ...frame,
            title: answer.title,
            body: answer.body,
            scripts: answer.scripts ?? [],
          }).text,
        )
    case 'json':
      return reply
        .code(answer.status ?? 200)
        .type('application/json; charset=utf-8')
        .send(
          escapeJson(
            typeof answer.value === 'string' ? answer.value : JSON.stringify(answer.value),
          ),
        )
    case 'redirect':
      return reply.redirect(answer.to, 303)
    case 'file':
      if (answer.shownUnder !== undefined)
        return reply
          .type(answer.type)
          .header('Content-Security-Policy', answer.shownUnder)
          .send(answer.content)
      return reply
        .type(answer.type)
        .header('Content-Disposition', `attachment; filename="${answer.name}"`)
        .send(answer.content)
    case 'events': {
      reply.hijack()
      reply.raw.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
      for await (const value of answer.values)
        reply.raw.write(`data: ${escapeJson(JSON.stringify(value))}\n\n`)
      reply.raw.end()
      return reply
    }
  }
}
