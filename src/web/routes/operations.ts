/** For monitors and browsers: life, readiness, figures, reports of violations. */
import { setTimeout as wait } from 'node:timers/promises'
import { LIMITS } from '../../limits.ts'
import { isLoopback } from '../connections.ts'
import type { Desk, ServerOptions } from '../desk.ts'
import { refusal } from '../faults.ts'
import type { FrameSource } from '../frame-figures.ts'
import type { Parts } from '../parts.ts'
import type { Reply, Route } from '../route.ts'
import type { Streams } from '../streams.ts'

const OPERATIONAL = { state: { type: 'string' } }

export function operationRoutes(
  desk: Desk,
  options: ServerOptions,
  { frame, streams }: { readonly frame: FrameSource; readonly streams: Streams },
): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/healthz',
      right: 'public',
      summary: 'The process lives',
      answer: { type: 'object', properties: OPERATIONAL },
      async answers() {
        return { kind: 'json', value: { state: 'alive' } }
      },
    },
    {
      method: 'GET',
      path: '/readyz',
      right: 'public',
      summary: 'The store answers and has the schema of this program; status 503 where not',
      answer: { type: 'object', properties: OPERATIONAL },
      answers: (_, parts) => readiness(parts, options.schemaVersion),
    },
    {
      method: 'GET',
      path: '/metrics',
      right: options.metricsForLoopback ? 'public' : 'view',
      summary: 'Figures for Prometheus',
      async answers({ signedIn, address }) {
        if (!signedIn.rights.has('view') && !isLoopback(address ?? ''))
          throw refusal('REQUEST_NO_SIGN_IN')
        const { waiting } = await frame.figures()
        return {
          kind: 'text',
          type: 'text/plain; version=0.0.4; charset=utf-8',
          text: desk.metrics.text({
            signedIn: desk.signIns.size,
            streams: streams.size,
            heldBatches: waiting.heldBatches,
            deadRegions: waiting.deadRegions,
          }),
        }
      },
    },
    {
      method: 'POST',
      path: '/csp-report',
      right: 'public',
      summary: 'Counts what browsers report of violations',
      async answers() {
        desk.metrics.cspReport()
        return { kind: 'json', value: {} }
      },
    },
  ]
}

async function readiness({ store }: Pick<Parts, 'store'>, schemaVersion: number): Promise<Reply> {
  const refused = (state: string): Reply => ({ kind: 'json', value: { state }, status: 503 })
  if (store.schemaVersion !== schemaVersion) return refused('wrong schema')
  const late = Symbol('late')
  const waiting = new AbortController()
  try {
    const found = await Promise.race([
      store.signingKeyIds(),
      wait(LIMITS.webReadyMs, late, { ref: false, signal: waiting.signal }),
    ])
    return found === late
      ? refused('the store does not answer')
      : { kind: 'json', value: { state: 'ready' } }
  } catch {
    return refused('the store cannot be asked')
  } finally {
    waiting.abort()
  }
}
