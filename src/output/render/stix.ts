import { isIPv4, isIPv6 } from 'node:net'
import type { Encoded } from '../../core/encoded.ts'
import type { SafeText } from '../../core/text.ts'
import { cellsOf, type Document, type Observable } from '../document.ts'
import { stix } from '../encode/stix.ts'

/**
 * The observables of a document as STIX 2.1 patterns: one a line, each of exactly one comparison, none twice.
 *
 * A text that is not of its kind (an address that is none) gives no pattern.
 */
export function renderStix(document: Document): Encoded<'stix'> {
  const patterns = new Map<string, Encoded<'stix'>>()
  for (const cell of cellsOf(document)) {
    const found =
      cell.kind === 'text'
        ? [{ value: cell.text, observable: cell.observable }]
        : cell.kind === 'fields'
          ? cell.fields
          : []
    for (const { value, observable } of found) {
      const pattern = observable === undefined ? undefined : patternOf(observable, value)
      if (pattern !== undefined) patterns.set(pattern.text, pattern)
    }
  }
  return stix.join([...patterns.values()].map((pattern) => stix`${pattern}\n`))
}

function patternOf(observable: Observable, value: SafeText): Encoded<'stix'> | undefined {
  switch (observable) {
    case 'address':
      if (isIPv4(value)) return stix`[ipv4-addr:value = ${value}]`
      return isIPv6(value) ? stix`[ipv6-addr:value = ${value}]` : undefined
    case 'url':
      return stix`[url:value = ${value}]`
    case 'command':
      return stix`[process:command_line = ${value}]`
    case 'sha256':
      return /^[0-9a-f]{64}$/.test(value) ? stix`[file:hashes.'SHA-256' = ${value}]` : undefined
    case 'username':
      return stix`[user-account:account_login = ${value}]`
    case 'password':
      return stix`[user-account:credential = ${value}]`
    case 'file':
      return stix`[file:name = ${value}]`
  }
}
