/** The button beside the title of a session, for those who may ask for its record. */
import { LookupFailed, type OperatingError } from '../../core/errors.ts'
import type { SessionRecord } from '../../store/port.ts'
import { csrfField, html, htmlAttribute, htmlHref, icon } from '../components.ts'
import { problemNote, reasonArea } from '../lists.ts'
import type { Asked, Html } from '../route.ts'

export function mayReveal({ signedIn }: Asked): boolean {
  return signedIn.rights.has('evidence')
}

/**
 * The button with its form: folded away, but where what was sent was refused.
 *
 * @returns undefined for whoever has not the right
 */
export function evidenceTool(
  session: SessionRecord,
  asked: Asked,
  problem: OperatingError | undefined,
): Html | undefined {
  if (!mayReveal(asked)) return undefined
  const { body, signedIn } = asked
  const to = (act: string): Html => htmlHref(['sessions', session.sensor, session.session, act])
  const isReason = problem !== undefined && (body['reason'] ?? '').trim() === ''
  const isEvent = !isReason && problem instanceof LookupFailed
  return html`<details class="pop"${problem === undefined ? html`` : html` open`}><summary class="btn">${icon('lock')}Evidence</summary><form class="sheet stack" method="post" action="${to('evidence')}">${csrfField(signedIn.csrf)}${problem === undefined || isReason || isEvent ? html`` : problemNote(problem)}${reasonArea('evidence-reason', body['reason'], isReason ? html`Say why.` : undefined)}<div class="row"><button class="btn primary" type="submit">${icon('get')}Save the package</button><button class="btn" type="submit" formaction="${to('hold')}">Put on legal hold</button></div><div><label class="label" for="evidence-event">Original of event number</label><div class="row"><input class="text narrow" id="evidence-event" name="event" inputmode="numeric" pattern="[1-9][0-9]*" value="${htmlAttribute(body['event'] ?? '1')}"${isEvent ? html` aria-invalid="true" aria-describedby="evidence-event-w"` : html``}><button class="btn" type="submit" formaction="${to('reveal')}">${icon('eye')}Reveal</button></div>${isEvent ? html`<p class="wrong" id="evidence-event-w" role="alert">${html.own(problem.message)} ${html.own(problem.hint)}</p>` : html``}</div></form></details>`
}
