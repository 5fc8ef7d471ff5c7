/** Applies a level to whole documents: which kind of text stands where is a table, and what it forgets is not shown. */
import { type TextKind, WITHHELD } from './levels.ts'
import type { Redactor } from './redactor.ts'

type Item = Readonly<Record<string, unknown>>

/**
 * Kinds by path. `*` is any element of a list or any key of a map; a path that ends in `{}` is about the keys of a map. A
 * function looks at what the text stands in.
 */
export type Kinds = Readonly<Record<string, TextKind | ((item: Item) => TextKind)>>

/** Kinds of what is shared by sessions: see the reports' campaigns. */
const TRAITS: Readonly<Record<string, TextKind>> = {
  commands: 'command',
  sshKey: 'key',
  file: 'hash',
  hassh: 'hash',
}
const REASONS: Readonly<Record<string, TextKind>> = { 'new-file': 'hash', 'new-key': 'key' }

/** The report of `--json`, with all that it may hold. */
export const REPORT_KINDS: Kinds = {
  kind: 'label',
  period: 'label',
  sensor: 'sensor',
  'sensors.*': 'sensor',
  from: 'label',
  until: 'label',
  generatedAt: 'label',
  'completeness.silentSensors.*': 'sensor',
  'events.byEventid{}': 'eventid',
  'top.commands.*.value': 'command',
  'top.passwords.*.value': 'password',
  'top.usernames.*.value': 'username',
  'top.credentials.*.value': 'credential',
  'top.ips.*.value': 'address',
  'top.clientVersions.*.value': 'version',
  'top.hassh.*.value': 'hash',
  'top.files.*.value': 'hash',
  'top.urls.*.value': 'url',
  'top.countries.*.value': 'label',
  'top.asns.*.value': 'label',
  'top.asns.*.organisation': 'label',
  'redactions.*.value': 'label',
  'bounds.*': 'label',
  'comparison.from': 'label',
  'comparison.until': 'label',
  'novelty.lists.*.*.firstDay': 'label',
  'novelty.lists.command.*.value': 'command',
  'novelty.lists.credential.*.value': 'credential',
  'novelty.lists.file.*.value': 'hash',
  'novelty.lists.sshKey.*.value': 'key',
  'novelty.lists.hassh.*.value': 'hash',
  'novelty.lists.ip.*.value': 'address',
  'novelty.lists.asn.*.value': 'label',
  'unusual.*.sensor': 'sensor',
  'unusual.*.session': 'session',
  'unusual.*.srcIp': 'address',
  'unusual.*.country': 'label',
  'unusual.*.startedAt': 'label',
  'unusual.*.reasons.*.reason': 'label',
  'unusual.*.reasons.*.detail': (item) => REASONS[String(item['reason'])] ?? 'command',
  'campaigns.*.id': 'label',
  'campaigns.*.shares': 'label',
  'campaigns.*.value': (item) => TRAITS[String(item['shares'])] ?? 'unknown',
  'campaigns.*.firstDay': 'label',
  'campaigns.*.lastDay': 'label',
  'attack.*.id': 'label',
  'attack.*.name': 'label',
  'attack.*.tactic': 'label',
  'quality.sensors.*.sensor': 'sensor',
  'quality.drift.*.what': 'label',
  'quality.drift.*.eventid': 'eventid',
  'quality.drift.*.field': 'text',
  'quality.ruleSet': 'label',
  'quality.checkpoint.madeAt': 'label',
}

/** The documents of `--format legacy-json`. */
export const LEGACY_KINDS: Kinds = {
  '@timestamp': 'label',
  generated_at: 'label',
  report_type: 'label',
  date: 'label',
  date_utc: 'label',
  period: 'label',
  from: 'label',
  until: 'label',
  sensor: (item) => (item['sensor'] === 'aggregate' ? 'label' : 'sensor'),
  'commands.top.*.command': 'command',
  'files.top.*.url': 'url',
  'sessions.protocols{}': 'protocol',
  'sessions.top_usernames.*.value': 'username',
  'sessions.top_passwords.*.value': 'password',
  'sessions.top_combinations.*.value': 'credential',
  'commands.top_commands.*.value': 'command',
  'files.top_hashes.*.value': 'hash',
  'alerts.*.type': 'label',
  'alerts.*.severity': 'label',
  'alerts.*.message': 'label',
}

/** The same document as a level shows it; the document itself at the level `internal`. */
export function redactTree<T>(document: T, kinds: Kinds, redactor: Redactor): T {
  if (redactor.level === 'internal') return document
  const patterns = Object.entries(kinds).map(([path, kind]) => ({ path: path.split('.'), kind }))
  const kindAt = (path: readonly string[], item: Item): TextKind => {
    const found = patterns.find(
      (one) =>
        one.path.length === path.length &&
        one.path.every((part, i) => part === '*' || part === path[i]),
    )
    if (found === undefined) return 'unknown'
    return typeof found.kind === 'function' ? found.kind(item) : found.kind
  }
  const walk = (value: unknown, path: readonly string[], item: Item): unknown => {
    if (typeof value === 'string') {
      const kind = kindAt(path, item)
      return redactor.drops(kind) ? WITHHELD : redactor.plain(kind, value)
    }
    if (Array.isArray(value)) return value.map((one) => walk(one, [...path, '*'], item))
    if (typeof value !== 'object' || value === null) return value
    const inner = value as Item // neither text, list nor null
    const keyKind = kinds[`${path.join('.')}{}`]
    const entries = new Map<string, unknown>()
    for (const [key, one] of Object.entries(inner)) {
      const name = typeof keyKind === 'string' ? redactor.plain(keyKind, key) : key
      const made = walk(one, [...path, key], inner)
      const before = entries.get(name)
      // Two that are told no longer apart count as one.
      entries.set(
        name,
        typeof before === 'number' && typeof made === 'number' ? before + made : made,
      )
    }
    return Object.fromEntries(entries)
  }
  return walk(document, [], {}) as T // the same build: texts stay texts
}
