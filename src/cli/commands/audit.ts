import { formatInstant } from '../../core/instant.ts'
import { fit, type TerminalText, table } from '../../core/terminal.ts'
import { toVisible } from '../../neutralize/visible.ts'
import { terminal } from '../../output/encode/terminal.ts'
import type { JournalRecord } from '../../store/repo/journal.ts'
import { type Command, EXIT } from '../command.ts'
import { instantOption } from '../options.ts'

/** Entries listed for who names no limit. */
const SHOWN = 50

export const auditList: Command = {
  name: 'audit list',
  summary: 'List entries of the journal, the newest first',
  arguments: '',
  argumentCount: [0, 0],
  options: {
    since: { type: 'string', value: 'TIME', help: 'at or after this instant or day (UTC)' },
    actor: { type: 'string', value: 'NAME', help: 'only of this actor' },
    action: {
      type: 'string',
      value: 'ACTION',
      help: 'only this action; "evidence." is all that begin so',
    },
    limit: {
      type: 'integer',
      value: 'N',
      min: 1,
      max: 1_000_000_000,
      help: 'at most so many (default 50; with --jsonl all)',
    },
    jsonl: { type: 'boolean', help: 'one JSON document a line' },
  },
  examples: ['audit list', 'audit list --action evidence. --since 2026-11-01 --jsonl'],
  description:
    'The journal keeps every decision, look at originals, key and hold, each entry chained to the one before; "nacre verify" checks it.',
  async run(app, _args, options) {
    const store = await app.openStore('read')
    try {
      const { journalEntries } = await import('../../store/repo/journal.ts')
      const filter = {
        sinceUs: instantOption(options['since'], 'since'),
        actor: typeof options['actor'] === 'string' ? toVisible(options['actor']) : undefined,
        action: typeof options['action'] === 'string' ? options['action'] : undefined,
      }
      const given = typeof options['limit'] === 'number' ? options['limit'] : undefined
      if (options['jsonl'] === true) {
        for await (const entry of journalEntries(store.query, filter, given)) {
          if (app.signal.aborted) break
          await app.out.line(entryJson(entry))
        }
        return EXIT.ok
      }
      const entries: JournalRecord[] = []
      for await (const entry of journalEntries(store.query, filter, given ?? SHOWN))
        entries.push(entry)
      app.out.result({ entries: entries.map(entryJson) }, () => renderEntries(entries))
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}

/** In visible form: a reason is kept as it was typed. */
function entryJson({ seq, atUs, actor, action, subject, reason, detail }: JournalRecord) {
  return {
    seq,
    at: formatInstant(atUs),
    actor: toVisible(actor),
    action: toVisible(action),
    subject: toVisible(subject),
    reason: toVisible(reason),
    detail: toVisible(detail),
  }
}

function renderEntries(entries: readonly JournalRecord[]): TerminalText {
  if (entries.length === 0) return terminal`No entry matches.`
  return table(
    [
      { title: 'number', align: 'right' },
      { title: 'at (UTC)' },
      { title: 'actor' },
      { title: 'action' },
      { title: 'subject' },
      { title: 'reason' },
    ],
    entries.map((entry) => [
      terminal`${entry.seq}`,
      terminal.own(formatInstant(entry.atUs).slice(0, 19).replace('T', ' ')),
      fit(terminal.data(entry.actor), 16),
      fit(terminal.data(entry.action), 24),
      fit(terminal.data(entry.subject), 44),
      fit(terminal.data(entry.reason), 44),
    ]),
    '',
  )
}
