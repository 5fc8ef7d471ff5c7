/** Parts that lists and forms of decisions share. */
import { OperatingError, UsageError } from '../core/errors.ts'
import { LIMITS } from '../limits.ts'
import { dashboardActor } from './accounts.ts'
import {
  csrfField,
  html,
  htmlAttribute,
  htmlHref,
  type IconName,
  icon,
  number,
} from './components.ts'
import { failureOf } from './faults.ts'
import type { Parts } from './parts.ts'
import type { Asked, FieldSpec, Html, Reply, Route, SignedIn } from './route.ts'

/** Why something is decided, in forms and in the API. Not required here: what is missing is told beside the field. */
export const REASON_FIELD: FieldSpec = {
  meaning: 'Why; kept in the journal',
  charsMax: LIMITS.webReasonCharsMax,
}

/** The number of something, in addresses. */
export function numberField(meaning: string): FieldSpec {
  return { meaning, required: true, pattern: '^[0-9]{1,15}$', charsMax: 15 }
}

/** The number in a field. @returns undefined where there is none */
export function numberIn(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

/** @throws UsageError when nothing but blanks was written */
export function reasonIn(text: string | undefined): string {
  const reason = text?.trim() ?? ''
  if (reason !== '') return reason.slice(0, LIMITS.webReasonCharsMax)
  throw new UsageError('USAGE_BAD_ARGUMENT', 'A decision needs a reason.', {
    hint: 'Say why; it is kept in the journal.',
  })
}

/** The status of a page that tells of an error beside its form. */
export function statusOf(error: OperatingError): number {
  return failureOf(error, () => '').status
}

/** An answer of the API. */
export async function jsonOf(make: () => object | Promise<object>): Promise<Reply> {
  return { kind: 'json', value: await make() }
}

/** What went wrong, where the eye is. */
export function problemNote(error: OperatingError): Html {
  const title =
    error.code === 'STORE_BUSY' ? html`The store is busy. Try again.` : html.own(error.message)
  return html`<p class="note failed" role="alert">${icon('alert')}<span><strong>${title}</strong> ${html.own(error.hint)}</span></p>`
}

/** What was done, after a redirect. */
export function doneNote(words: Html): Html {
  return html`<p class="note" role="status">${icon('check')}<span>${words}</span></p>`
}

/** A word with a sign; the colour comes last. */
export function badge(
  kind: 'held' | 'failed' | 'ok' | 'pending' | 'new' | 'plain',
  sign: IconName,
  words: Html,
): Html {
  return html`<span class="badge${kind === 'plain' ? html`` : html` ${html.own(kind)}`}">${icon(sign)}${words}</span>`
}

/** A seal that was checked. */
export function verifiedBadge(words: Html): Html {
  return html`<span class="badge verified"><span class="pearl is-verified" aria-hidden="true"></span>${words}</span>`
}

/** Choices of a list beside each other. */
export function tabs(
  label: string,
  items: readonly { readonly to: Html; readonly words: Html; readonly isHere: boolean }[],
): Html {
  return html`<div class="tools row"><nav class="seg" aria-label="${html.own(label)}">${html.join(
    items.map(
      ({ to, words, isHere }) =>
        html`<a href="${to}"${isHere ? html` aria-current="page"` : html``}>${words}</a>`,
    ),
  )}</nav></div>`
}

/** A link to what comes after the last row, where there is more. */
export function olderLink(
  segments: readonly string[],
  query: Readonly<Record<string, string | number | undefined>>,
  next: string | number | undefined,
  name = 'before',
): Html {
  return next === undefined
    ? html``
    : html`<footer class="row between"><a class="btn" href="${htmlHref(segments, { ...query, [name]: next })}">Older${icon('chev')}</a></footer>`
}

/** A choice of words in a form. @param options - value and what people read */
export function selectField(
  id: string,
  label: string,
  options: readonly (readonly [value: string, words: string])[],
  chosen: string | undefined,
): Html {
  return html`<label class="field"><span>${html.own(label)}</span><select name="${html.own(id)}" id="${html.own(id)}">${html.join(
    options.map(
      ([value, words]) =>
        html`<option value="${htmlAttribute(value)}"${value === chosen ? html` selected` : html``}>${html.own(words)}</option>`,
    ),
  )}</select></label>`
}

/** Where a reason is written, with what is wrong with it beside it. */
export function reasonArea(id: string, given: string | undefined, error: Html | undefined): Html {
  const invalid = error === undefined ? html`` : html` aria-invalid="true"`
  return html`<div><label class="label" for="${html.own(id)}">Reason</label><textarea class="text" id="${html.own(id)}" name="reason" rows="2" required maxlength="${LIMITS.webReasonCharsMax}" aria-describedby="${html.own(id)}-h"${invalid}>${htmlAttribute(given ?? '')}</textarea>${error === undefined ? html`` : html`<p class="wrong" role="alert">${error}</p>`}<p class="help" id="${html.own(id)}-h">Kept in the journal with your name. It cannot be changed later.</p></div>`
}

/**
 * A small form that decides on one row, folded away until it is wanted.
 *
 * @param actions - path, words, and whether it is the ordinary one; each a button
 * @param given - what was sent already, where it was refused
 */
export function rowDecision(
  id: string,
  summary: Html,
  csrf: string,
  actions: readonly { readonly to: Html; readonly words: Html; readonly isMain: boolean }[],
  given: { readonly reason: string; readonly problem: OperatingError } | undefined,
): Html {
  const first = actions[0]!
  const buttons = actions.map(
    ({ to, words, isMain }) =>
      html`<button class="btn${isMain ? html` primary` : html``}" type="submit" formaction="${to}">${words}</button>`,
  )
  const isReason = given !== undefined && given.reason.trim() === ''
  return html`<details class="decide"${given === undefined ? html`` : html` open`}><summary class="btn small">${summary}</summary>${decisionForm(
    first.to,
    csrf,
    html`${given === undefined || isReason ? html`` : problemNote(given.problem)}${reasonArea(id, given?.reason, isReason ? html`Say why.` : undefined)}<div class="row">${html.join(buttons)}</div>`,
  )}</details>`
}

/** A form that sends a decision. @param to - of this server */
export function decisionForm(to: Html, csrf: string, body: Html): Html {
  return html`<form class="body stack" method="post" action="${to}">${csrfField(csrf)}${body}</form>`
}

/** A decision that a page and a program may make: how it is asked for, and what each is answered. */
export type DecisionSpec<T extends object> = {
  /** Of the form; the API has the same under `/api/v1`. */
  readonly path: string
  readonly summary: string
  readonly apiSummary: string
  readonly params: NonNullable<Route['params']>
  readonly body: NonNullable<Route['body']>
  /** @throws OperatingError */
  decide(asked: Asked, parts: Parts): Promise<T>
  /** Where a page goes on. */
  doneAt(done: T, asked: Asked): string
  /** What a page shows instead when it was refused. */
  refused(asked: Asked, parts: Parts, problem: OperatingError): Promise<Reply>
  /** What a program is answered; all of it where this is missing. */
  told?(done: T): object
}

/** The two routes of a decision; both need the right to review. */
export function decisionRoutes<T extends object>(spec: DecisionSpec<T>): readonly Route[] {
  const { path, summary, apiSummary, params, body } = spec
  const shared = { method: 'POST', right: 'review', params, body } as const
  return [
    {
      ...shared,
      path,
      summary,
      async answers(asked, parts) {
        try {
          return { kind: 'redirect', to: spec.doneAt(await spec.decide(asked, parts), asked) }
        } catch (error) {
          if (!(error instanceof OperatingError)) throw error
          return spec.refused(asked, parts, error)
        }
      },
    },
    {
      ...shared,
      path: `/api/v1${path}`,
      summary: apiSummary,
      answers: (asked, parts) =>
        jsonOf(async () => {
          const done = await spec.decide(asked, parts)
          return spec.told?.(done) ?? done
        }),
    },
  ]
}

/** Who decides, as the journal names them. */
export function actorOf({ user }: SignedIn): string {
  return dashboardActor(user)
}

/**
 * Whether somebody may see what was made of originals. Where personal data is kept out of the view, a recording holds it
 * and the hash of a line tells of it whoever guesses: both are evidence then.
 */
export function mayReadOriginals({ signedIn }: Asked, parts: Pick<Parts, 'settings'>): boolean {
  const detectors = parts.settings.find(({ name }) => name === 'pii.detectors')?.value ?? ''
  return detectors === '' || signedIn.rights.has('evidence')
}

/** An instant of a JSON document as people read it. @param iso - as `formatInstant` prints it */
export function isoTime(iso: string): Html {
  return html`<time datetime="${html.own(iso)}" title="${html.own(iso)}">${html.own(iso.slice(0, 19).replace('T', ' '))}</time>`
}

/** The start of a digest, with the whole behind it. @param hex - hexadecimal digits */
export function digestText(hex: string): Html {
  return html`<code title="${html.own(hex)}">${html.own(hex.slice(0, 10))}…${html.own(hex.slice(-4))}</code>`
}

/** A path whose end is what tells; an element of class `tail` cuts it at the start. */
export function pathText(path: string): Html {
  return html`<bdi dir="ltr">${html.own(path)}</bdi>`
}

/** The word where there is one, the words where there are several. */
export function counted(n: number, one: string, several: string): Html {
  return html`${number(n)} ${html.own(n === 1 ? one : several)}`
}

/** A count; nothing is grey. */
export function zeroed(n: number): Html {
  return n === 0 ? html`<span class="faint">0</span>` : number(n)
}
