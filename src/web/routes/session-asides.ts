/** What other parts of the dashboard add to the page of a session. */
import type { OperatingError } from '../../core/errors.ts'
import type { SessionDetail } from '../data/session.ts'
import type { Parts } from '../parts.ts'
import type { Asked, Html } from '../route.ts'
import { evidenceTool } from './evidence-tool.ts'
import { REPLAY_SCRIPTS, replayCardOf } from './replay.ts'

/**
 * Makes a card or a button; nothing where it does not apply to the session or to who asks.
 *
 * @param problem - why what a form of the page sent was refused
 */
export type SessionAside = (
  detail: SessionDetail,
  asked: Asked,
  parts: Parts,
  problem: OperatingError | undefined,
) => Promise<{ readonly html: Html; readonly scripts?: readonly string[] } | undefined>

/** Cards at the head of the narrow column. */
export const SESSION_ASIDES: readonly SessionAside[] = [
  async ({ session }, asked, parts) => {
    const html = await replayCardOf(session, asked, parts)
    return html === undefined ? undefined : { html, scripts: REPLAY_SCRIPTS }
  },
]

/** Buttons and forms beside the title. */
export const SESSION_TOOLS: readonly SessionAside[] = [
  async ({ session }, asked, _, problem) => {
    const html = evidenceTool(session, asked, problem)
    return html === undefined ? undefined : { html }
  },
]
