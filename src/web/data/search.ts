/** One field for everything: what a text is, and where it is shown. */
import { isIP } from 'node:net'
import { refang } from '../../output/defang.ts'
import { valueId } from '../../store/repo/session-search.ts'
import { findSessions } from '../../store/repo/sessions.ts'
import type { Parts } from '../parts.ts'

export type SearchTarget = {
  readonly kind:
    | 'nothing'
    | 'session'
    | 'sessions'
    | 'address'
    | 'network'
    | 'file'
    | 'hassh'
    | 'technique'
    | 'asn'
    | 'event'
    | 'url'
    | 'credential'
    | 'text'
  readonly segments: readonly string[]
  readonly query: Readonly<Record<string, string>>
}

/** @param given - as somebody typed it, defanged or not */
export async function searchTarget(
  { store }: Pick<Parts, 'store'>,
  given: string,
): Promise<SearchTarget> {
  const text = given.trim()
  const plain = refang(text)
  const filter = (kind: SearchTarget['kind'], name: string, value: string): SearchTarget => ({
    kind,
    segments: ['sessions'],
    query: { [name]: value },
  })
  if (text === '') return { kind: 'nothing', segments: ['sessions'], query: {} }
  if (isIP(plain) !== 0) return filter('address', 'address', plain)
  if (/^[0-9a-fA-F.:]+\/\d{1,3}$/.test(plain) && isIP(plain.split('/')[0]!) !== 0)
    return filter('network', 'address', plain)
  if (/^T\d{4}(?:\.\d{3})?$/i.test(text))
    return filter('technique', 'technique', text.toUpperCase())
  if (/^AS\d{1,10}$/i.test(text)) return filter('asn', 'asn', text.toUpperCase())
  if (/^cowrie\.[a-z_.-]+$/.test(text)) return filter('event', 'event', text)
  if (text.length <= 64 && !/\s/.test(text)) {
    const found: { readonly sensor: string; readonly session: string }[] = []
    for await (const one of findSessions(store.query, { session: text }, 2)) found.push(one)
    const [first] = found
    if (first !== undefined)
      return found.length === 1
        ? { kind: 'session', segments: ['sessions', first.sensor, first.session], query: {} }
        : filter('sessions', 'session', text)
  }
  const isKnown = async (kind: Parameters<typeof valueId>[1], value: string): Promise<boolean> =>
    (await valueId(store.query, kind, value)) !== undefined
  if (/^[0-9a-fA-F]{64}$/.test(text)) return filter('file', 'file', text.toLowerCase())
  if (/^[0-9a-fA-F]{32}$/.test(text)) return filter('hassh', 'hassh', text.toLowerCase())
  if (plain.includes('://') && (await isKnown('url', plain))) return filter('url', 'url', plain)
  if (text.includes(' / ') && (await isKnown('credential', text)))
    return filter('credential', 'credential', text)
  return filter('text', 'text', text)
}
