/** What the record of a session can be asked for: its package, one original line, a hold. Each with a reason, in the journal. */
import { Readable } from 'node:stream'
import { LookupFailed, OperatingError } from '../../core/errors.ts'
import { ownText } from '../../core/event.ts'
import { exportEvidence } from '../../evidence/export.ts'
import { addHold } from '../../evidence/holds.ts'
import { visibleBytesText } from '../../neutralize/visible.ts'
import { reveal } from '../../pipeline/evidence.ts'
import type { SessionRecord, Store } from '../../store/port.ts'
import { placeOfEvent } from '../../store/repo/places.ts'
import { attackHtml, head, html, htmlHref, icon, number } from '../components.ts'
import { fileWordOf, sessionOf } from '../data/session.ts'
import { actorOf, numberIn, REASON_FIELD, reasonIn } from '../lists.ts'
import type { Parts } from '../parts.ts'
import type { Asked, Reply, Route } from '../route.ts'
import { mayReveal } from './evidence-tool.ts'
import { sessionReply } from './session.ts'

const PARAMS = {
  sensor: { meaning: 'sensor', charsMax: 255 },
  session: { meaning: 'session id', charsMax: 64 },
} as const

/** One form sends all of it, whichever button is pressed. What is wrong with it is told beside its field. */
const BODY = {
  reason: REASON_FIELD,
  event: {
    meaning: 'number of the event that is revealed, from 1, in the order of the list',
    charsMax: 20,
  },
} as const

/** Characters of an original that a page shows. */
const SHOWN_CHARS = 65_536

function route(
  act: string,
  summary: string,
  answers: (session: SessionRecord, asked: Asked, parts: Parts) => Promise<Reply>,
): Route {
  return {
    method: 'POST',
    path: `/sessions/:sensor/:session/${act}`,
    right: 'evidence',
    summary,
    params: PARAMS,
    body: BODY,
    async answers(asked, parts) {
      const session = await sessionOf(parts, asked.params['sensor']!, asked.params['session']!)
      try {
        return await answers(session, asked, parts)
      } catch (error) {
        if (!(error instanceof OperatingError)) throw error
        return sessionReply(asked, parts, error)
      }
    },
  }
}

export const evidenceRoutes: readonly Route[] = [
  route(
    'evidence',
    'The evidence package of a session, as a file',
    async (session, asked, parts) => ({
      kind: 'file',
      name: `evidence-${fileWordOf(session.session)}.zip`,
      type: 'application/zip',
      content: await packageOf(session, asked, parts),
    }),
  ),
  route('reveal', 'The exact bytes of one event of a session', revealed),
  route('hold', 'Puts a session on legal hold', async (session, asked, parts) => {
    const reason = reasonIn(asked.body['reason'])
    const scope = {
      session: session.session,
      sensor: session.sensor,
      source: ownText(''),
      fromUs: null,
      untilUs: null,
    }
    await addHold(parts.store, scope, { actor: actorOf(asked.signedIn), reason })
    return {
      kind: 'redirect',
      to: htmlHref(['sessions', session.sensor, session.session]).text,
    }
  }),
]

/** The first piece is there when this returns: until then everything can still be refused with a page. */
async function packageOf(session: SessionRecord, asked: Asked, parts: Parts): Promise<Readable> {
  const store = await parts.openAgain()
  try {
    const options = await parts.evidence(store, {
      actor: actorOf(asked.signedIn),
      isAllowed: mayReveal(asked),
      reason: reasonIn(asked.body['reason']),
    })
    const pieces = exportEvidence(
      store,
      {
        sessions: [session],
        items: [],
        asked: [`session ${session.session} of sensor ${session.sensor}`],
      },
      options,
    )
    const first = await pieces.next()
    return Readable.from(closing(store, first, pieces), { objectMode: false })
  } catch (error) {
    await store.close()
    throw error
  }
}

async function* closing(
  store: Store,
  first: IteratorResult<Uint8Array, unknown>,
  rest: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    if (first.done !== true) yield first.value
    yield* rest
  } finally {
    await store.close()
  }
}

async function revealed(session: SessionRecord, asked: Asked, parts: Parts): Promise<Reply> {
  const reason = reasonIn(asked.body['reason'])
  const n = numberIn(asked.body['event']?.trim()) ?? 0
  const place = n === 0 ? undefined : await placeOfEvent(parts.store.query, session, n)
  if (place === undefined)
    throw new LookupFailed('LOOKUP_NO_EVENT', 'The session has no event of this number.', {
      hint: `Its events are numbered from 1 to ${session.eventCount}, in the order of the list.`,
    })
  const found = await reveal(
    parts.store,
    { ...place, range: undefined },
    {
      actor: actorOf(asked.signedIn),
      isAllowed: mayReveal(asked),
      reason,
      privateKeys: await parts.privateKeys(),
    },
  )
  const text = visibleBytesText(found.bytes)
  const path = htmlHref(['sessions', session.sensor, session.session])
  return {
    kind: 'page',
    title: `Original of event ${n}`,
    body: html`${head(
      html`Original of event ${number(n)}`,
      html`Session <a href="${path}">${html.data(session.session)}</a>. That you looked is in the journal.`,
    )}
<section class="card sealed" aria-labelledby="original"><header><h2 id="original">${icon('lock')} Sealed bytes, in their visible form</h2><span class="meta">${number(found.bytes.length)} bytes, batch ${number(found.batchId)}, record ${number(found.record)}</span></header><div class="body stack"><div class="wrap">${attackHtml(text.slice(0, SHOWN_CHARS))}</div>${text.length > SHOWN_CHARS ? html`<p class="note">${icon('alert')}<span>The first ${number(SHOWN_CHARS)} characters are shown. <code>nacre evidence reveal</code> writes all of it into a file.</span></p>` : html``}<dl class="kv"><dt>SHA-256</dt><dd><code>${html.own(found.sha256)}</code></dd>${found.leaf === undefined ? html`` : html`<dt>Leaf</dt><dd><code>${html.own(found.leaf)}</code></dd>`}</dl></div></section>`,
  }
}
