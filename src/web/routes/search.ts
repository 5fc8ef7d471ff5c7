/** The field that understands an address, an id, a hash or words, and leads to what they mean. */
import { htmlHref } from '../components.ts'
import { searchTarget } from '../data/search.ts'
import type { Route } from '../route.ts'

const FIELDS = {
  q: {
    meaning: 'an address, session id, hash, technique, URL, credential, or words',
    charsMax: 500,
  },
} as const

export const searchRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/search',
    right: 'view',
    summary: 'Leads to what an address, an id, a hash or words mean',
    query: FIELDS,
    async answers({ query }, parts) {
      const { segments, query: filters } = await searchTarget(parts, query['q'] ?? '')
      return { kind: 'redirect', to: addressOf(segments, filters) }
    },
  },
  {
    method: 'GET',
    path: '/api/v1/search',
    right: 'view',
    summary: 'What an address, an id, a hash or words mean, and where they are shown',
    query: FIELDS,
    async answers({ query }, parts) {
      const { kind, segments, query: filters } = await searchTarget(parts, query['q'] ?? '')
      const page = addressOf(segments, filters)
      return {
        kind: 'json',
        value: { kind, page, document: `/api/v1${page}` },
      }
    },
  },
]

function addressOf(segments: readonly string[], filters: Readonly<Record<string, string>>): string {
  // An address of `htmlHref` has nothing to be escaped but the sign between its parameters.
  return htmlHref(segments, filters).text.replaceAll('&#38;', '&').replaceAll('&#39;', '%27')
}
