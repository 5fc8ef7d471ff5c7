/** What the dashboard answers: every page and every part of the API is one of these, so that one place guards them all. */
import type { Readable } from 'node:stream'
import type { Encoded } from '../core/encoded.ts'
import type { Parts } from './parts.ts'

export type Html = Encoded<'html'>

/** What somebody who is signed in may do. */
export const RIGHTS = ['view', 'review', 'export', 'evidence', 'admin'] as const
export type Right = (typeof RIGHTS)[number]

/** Who asks. */
export type SignedIn = {
  /** Name as the journal keeps it. */
  readonly user: string
  readonly role: string
  readonly rights: ReadonlySet<Right>
  /** To be sent back with every form. Empty for a token, which browsers never send by themselves. */
  readonly csrf: string
}

export type Asked = {
  readonly signedIn: SignedIn
  /** Parts of the path, decoded. */
  readonly params: Readonly<Record<string, string>>
  /** Only strings, and only those of the route's own `query`. */
  readonly query: Readonly<Record<string, string | undefined>>
  /** Fields of a form, or of a JSON object; strings alone, and only those of the route's own `body`. */
  readonly body: Readonly<Record<string, string | undefined>>
  readonly signal: AbortSignal
  /** Whence it comes: an address, for what is counted by it. */
  readonly address?: string
  /** Scheme and host of this server as the browser has it, for links that are handed on. */
  readonly origin?: string
  /** Value of the cookie that it was asked with, where there is one. */
  readonly cookie?: string | undefined
}

export type Reply =
  | {
      readonly kind: 'page'
      readonly title: string
      readonly body: Html
      /** What stands behind it, where that takes long: the page is sent up to there, and this when it is made. */
      readonly rest?: Promise<Html>
      /** Modules of `client/` that the page runs, without their ending. */
      readonly scripts?: readonly string[]
      readonly status?: number
      /** Seconds after which it may be asked again. */
      readonly retryAfterS?: number
    }
  /** A JSON document: an object, or its text. */
  | { readonly kind: 'json'; readonly value: object | string; readonly status?: number }
  /** To a path of this server. @param cookie - of a new sign-in; null ends the one that asks */
  | { readonly kind: 'redirect'; readonly to: string; readonly cookie?: string | null }
  /** Figures for a monitor, in words of ours alone. */
  | { readonly kind: 'text'; readonly type: string; readonly text: string }
  /** To be saved, never shown: but for a document of ours that brings the policy under which a browser may show it. */
  | {
      readonly kind: 'file'
      readonly name: string
      readonly type: string
      readonly content: Buffer | Readable
      /** Content security policy in place of the one for pages; it must hold `sandbox`. */
      readonly shownUnder?: string
    }
  /** Server-sent events: each value becomes one message of JSON. */
  | { readonly kind: 'events'; readonly values: AsyncIterable<object> }

/** A parameter of an address or a form. */
export type FieldSpec = {
  readonly meaning: string
  readonly required?: boolean
  readonly choices?: readonly string[]
  /** A regular expression that the whole value must match; anchored. A form may leave an optional field empty. */
  readonly pattern?: string
  readonly charsMax: number
  /** How often it may be given; the values then come as one text, a line for each. Once where it is absent. */
  readonly timesMax?: number
}

export type Route = {
  readonly method: 'GET' | 'POST'
  /** As Fastify writes it: `/sessions/:sensor/:session`. Paths under `/api/v1/` answer JSON. */
  readonly path: string
  /** `public` needs no sign-in. */
  readonly right: Right | 'public'
  /** What it answers, in a sentence: for the OpenAPI document. */
  readonly summary: string
  readonly params?: Readonly<Record<string, FieldSpec>>
  readonly query?: Readonly<Record<string, FieldSpec>>
  readonly body?: Readonly<Record<string, FieldSpec>>
  /** JSON Schema of the answer, for the OpenAPI document. */
  readonly answer?: object
  answers(asked: Asked, parts: Parts): Promise<Reply>
}
