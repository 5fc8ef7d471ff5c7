/** Replays of a session's terminal: a card for its page, a page of its own, frames as JSON, and a file for players. */
import { EvidenceError, ReplayError } from '../../core/errors.ts'
import { LIMITS } from '../../limits.ts'
import { escapeJson } from '../../output/encode/json.ts'
import { ReplayPool } from '../../replay/pool.ts'
import { boundedSize } from '../../replay/replay.ts'
import type { SessionRecord } from '../../store/repo/sessions.ts'
import { type TtyLogs, ttyLogsOfSession } from '../../store/repo/tty-logs.ts'
import {
  attackHtml,
  bytes,
  card,
  emptyState,
  head,
  html,
  htmlHref,
  icon,
  number,
  time,
} from '../components.ts'
import { fileWordOf, sessionOf } from '../data/session.ts'
import { mayReadOriginals } from '../lists.ts'
import type { Parts } from '../parts.ts'
import type { Asked, FieldSpec, Html, Route } from '../route.ts'

/** One thread plays for the whole server. */
const pool = new ReplayPool()

const SESSION_FIELDS: Readonly<Record<'sensor' | 'session', FieldSpec>> = {
  sensor: { meaning: 'sensor of the session', required: true, charsMax: 1_024 },
  session: { meaning: 'id of the session', required: true, charsMax: 1_024 },
}

const NUMBER: FieldSpec = {
  meaning: 'recording of the session, from 1',
  pattern: '^[1-9][0-9]{0,2}$',
  charsMax: 3,
}

export const replayRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/sessions/:sensor/:session/replay',
    right: 'view',
    summary: 'A terminal of a session, over the whole page',
    params: SESSION_FIELDS,
    query: { n: NUMBER },
    async answers(asked, parts) {
      const session = await sessionOf(parts, asked.params['sensor']!, asked.params['session']!)
      const { sensor } = session
      const logs = await ttyLogsOfSession(parts.store.query, session, LIMITS.replayLogsMax)
      const number = Number(asked.query['n'] ?? 1)
      const body = html`${head(
        html`Terminal of ${attackHtml(session.session)}`,
        html`<a href="${htmlHref(['sessions', sensor, session.session])}">The session</a> on ${attackHtml(sensor)}, from ${time(session.firstEventUs)} UTC`,
      )}${replayCard({ ...viewOf(session, logs, asked, parts), number, isWide: true })}`
      return { kind: 'page', title: 'Terminal replay', body, scripts: REPLAY_SCRIPTS }
    },
  },
  {
    method: 'GET',
    path: '/sessions/:sensor/:session/replay/:n',
    right: 'export',
    summary: 'A terminal of a session as asciicast version 2',
    params: { ...SESSION_FIELDS, n: NUMBER },
    async answers(asked, parts) {
      const made = await make('asciicast', Number(asked.params['n']), asked, parts)
      const lines = made.split('\n').map(escapeJson)
      return {
        kind: 'file',
        name: `terminal-${fileWordOf(asked.params['session']!)}-${asked.params['n']}.cast`,
        type: 'application/x-asciicast',
        content: Buffer.from(`${lines.join('\n')}\n`),
      }
    },
  },
  {
    method: 'GET',
    path: '/api/v1/sessions/:sensor/:session/replay',
    right: 'view',
    summary: 'The recordings of a session; with a number, what one showed, as frames',
    params: SESSION_FIELDS,
    query: { n: NUMBER },
    async answers(asked, parts) {
      if (asked.query['n'] !== undefined)
        return {
          kind: 'json',
          value: await make('frames', Number(asked.query['n']), asked, parts),
        }
      const session = await sessionOf(parts, asked.params['sensor']!, asked.params['session']!)
      const { logs } = await ttyLogsOfSession(parts.store.query, session, LIMITS.replayLogsMax)
      return {
        kind: 'json',
        value: {
          logs: logs.map((log, i) => ({
            number: i + 1,
            name: log.name,
            atUs: log.atUs,
            isOfEarlierSession: log.isOfEarlierSession,
            bytes: log.files[0]?.size ?? null,
          })),
        },
      }
    },
  },
]

/** What a page with `replayCardOf` runs. */
export const REPLAY_SCRIPTS: readonly string[] = ['replay']

/**
 * The terminal of a session, to be played; for pages that run `REPLAY_SCRIPTS`.
 *
 * @returns undefined where no event of the session names a recording
 */
export async function replayCardOf(
  session: SessionRecord,
  asked: Asked,
  parts: Parts,
): Promise<Html | undefined> {
  const logs = await ttyLogsOfSession(parts.store.query, session, LIMITS.replayLogsMax)
  if (logs.logs.length === 0) return undefined
  // Of several, one whose file is there.
  const first = logs.logs.findIndex(({ files }) => files.length > 0)
  return replayCard({ ...viewOf(session, logs, asked, parts), number: Math.max(0, first) + 1 })
}

function viewOf(session: SessionRecord, { logs }: TtyLogs, asked: Asked, parts: Parts): ReplayView {
  return {
    sensor: session.sensor,
    session: session.session,
    logs,
    number: 1,
    isWide: false,
    mayWatch: mayReadOriginals(asked, parts),
    mayExport: asked.signedIn.rights.has('export'),
  }
}

export type ReplayView = {
  readonly sensor: string
  readonly session: string
  readonly logs: TtyLogs['logs']
  /** The recording that is shown first, from 1. */
  readonly number: number
  /** Whether it has the page for itself. */
  readonly isWide: boolean
  readonly mayWatch: boolean
  readonly mayExport: boolean
}

export function replayCard(view: ReplayView): Html {
  const title = html`Terminal replay`
  const log = view.logs[view.number - 1]
  if (log === undefined)
    return card(
      'replay',
      title,
      emptyState(
        html`No recording`,
        html`Cowrie records shells and commands. No event of this session names such a recording.`,
      ),
    )
  if (!view.mayWatch)
    return card(
      'replay',
      title,
      emptyState(
        html`Not redacted`,
        html`Personal data is kept out of what this dashboard shows, and recordings hold what was typed. Ask for the right to see evidence.`,
      ),
    )
  const names = ['sessions', view.sensor, view.session, 'replay']
  const links = [
    view.isWide
      ? html``
      : html`<a class="btn quiet small" href="${htmlHref(names, { n: view.number })}">${icon('terminal')}Large</a>`,
    view.mayExport && log.files.length > 0
      ? html`<a class="btn quiet small" download href="${htmlHref([...names, String(view.number)])}">${icon('get')}Asciicast</a>`
      : html``,
  ]
  return card(
    'replay',
    title,
    html`<div class="body replay${view.isWide ? html` wide` : html``}">
${picker(view, names)}
${log.files.length === 0 ? noFile() : player(['api', 'v1', ...names], view.number)}
</div>`,
    { meta: html`<span class="row">${html.join(links)}</span>` },
  )
}

/** Links, so that it works before and without the script. */
function picker(view: ReplayView, names: readonly string[]): Html {
  if (view.logs.length < 2) return html``
  const items = view.logs.map(
    (log, i) =>
      html`<li><a href="${htmlHref(names, { n: i + 1 })}"${i + 1 === view.number ? html` aria-current="true"` : html``}>${number(i + 1)} <span class="faint">${time(log.atUs)}, ${log.files[0] === undefined ? html`no file` : bytes(log.files[0].size)}</span></a></li>`,
  )
  return html`<details class="recordings"><summary>${icon('chev')}Recording ${view.number} of ${view.logs.length}</summary><ol>${html.join(items)}</ol></details>`
}

function noFile(): Html {
  return emptyState(
    html`The recording is not here`,
    html`Its file was not found when the logs were loaded. Load them once more with <code>--artifacts</code> and the folder of Cowrie's recordings; no event is stored twice.`,
  )
}

function player(path: readonly string[], n: number): Html {
  return html`<div class="player" data-frames="${htmlHref(path, { n })}">
<div class="tty" role="img" aria-label="Terminal" tabindex="0"><p class="tty-say">Playing needs JavaScript. The command nacre replay shows the transcript.</p></div>
<div class="ttyctl" hidden><button type="button" class="btn icon" data-do="play" aria-label="Play">${icon('play')}</button><button type="button" class="btn icon" data-do="step" aria-label="Next frame">${icon('step')}</button><button type="button" class="btn" data-do="speed" aria-label="Speed 1 times">1×</button><input type="range" class="scrub" min="0" max="0" step="1" value="0" aria-label="Position"><output class="mono small">0:00.0</output></div>
<p class="sr" role="status" data-status></p>
<ul class="help" data-notes></ul>
<p class="help">Frames come from a terminal model on the server. No escape sequence reaches this browser.</p>
<details class="tty-text" hidden><summary>${icon('chev')}Typed by the client</summary><ol class="typed" data-inputs></ol></details>
<details class="tty-text" hidden><summary>${icon('chev')}Transcript</summary><pre class="transcript" tabindex="0" data-transcript></pre></details>
</div>`
}

/** @throws LookupFailed, EvidenceError, ReplayError */
async function make(
  form: 'frames' | 'asciicast',
  n: number,
  asked: Asked,
  parts: Parts,
): Promise<string> {
  const session = await sessionOf(parts, asked.params['sensor']!, asked.params['session']!)
  if (!mayReadOriginals(asked, parts))
    throw new EvidenceError(
      'EVIDENCE_NO_RIGHT',
      'Recordings are not redacted, and personal data is kept out of the view.',
      { hint: 'Ask for the right to see evidence.' },
    )
  const logs = await ttyLogsOfSession(parts.store.query, session, LIMITS.replayLogsMax)
  const log = logs.logs[n - 1]
  if (log === undefined)
    throw new ReplayError('REPLAY_NO_LOG', 'The session has no recording of this number.', {
      hint: 'Cowrie records shells and commands; other sessions have no terminal.',
    })
  return pool.make(
    {
      form,
      files: log.files,
      size: boundedSize(logs.columns, logs.rows),
      span: [session.firstEventUs, session.lastEventUs],
    },
    asked.signal,
  )
}
