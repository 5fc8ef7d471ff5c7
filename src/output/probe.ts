import type { SafeText } from '../core/text.ts'
import { count, type Document, fields, instant, label, type Observable, text } from './document.ts'

const OBSERVABLES: readonly Observable[] = [
  'address',
  'url',
  'command',
  'sha256',
  'username',
  'password',
  'file',
]

/** A document with one text in every place where an attacker's text can stand; a harmless text gives its benign twin. */
export function probeDocument(payload: SafeText): Document {
  const rows = [payload, 'before' as SafeText].map((name) => [
    instant(1_795_290_222_000_000),
    text(payload),
    count(7),
    fields([
      { name: 'input' as SafeText, value: payload, observable: 'command' }, // a literal of the program
      { name, value: payload },
    ]),
  ])
  return {
    kind: 'probe',
    subject: text(payload),
    madeAtUs: 1_795_290_222_000_000,
    facts: [
      { name: 'plain', cell: text(payload) },
      ...OBSERVABLES.map((observable) => ({
        name: `as_${observable}`,
        cell: text(payload, observable),
      })),
      { name: 'events', cell: count(2) },
      { name: 'nothing', cell: text(null) },
    ],
    tables: [{ name: 'events', columns: ['time', 'what', 'count', 'payload'], rows }],
    notes: [[label('This note is about'), text(payload), label('and nothing else.')]],
  }
}

/** What stands in the benign twin of a document. */
export const HARMLESS = 'harmless' as SafeText // a literal of the program
