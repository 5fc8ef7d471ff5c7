import type { Database as Connection } from 'better-sqlite3'
import type { JournalDraft } from '../journal.ts'
import type { AlertStore } from '../port.ts'
import { ALERT_COLUMNS, alertRow, channelRow, LOOK_MARK, memoryOf } from '../repo/alerts.ts'
import type { Row } from '../schema.ts'
import { decidedElsewhere } from '../verdicts.ts'

/**
 * @param journal - a transaction with a journal entry
 * @param exclusively - runs a short transaction without one
 */
export function sqliteAlerts(
  db: Connection,
  journal: (draft: JournalDraft, change: () => void) => Promise<void>,
  exclusively: <T>(work: () => T) => Promise<T>,
): AlertStore {
  const rows = <T>(table: string, order: string): T[] =>
    db.prepare(`select * from ${table} order by ${order}`).all() as T[]
  return {
    beginLook: (nowUs, untilUs) =>
      exclusively(
        () =>
          db
            .prepare(
              `insert into alert_marks (name, value, at_us) values (?, 0, ?)
               on conflict (name) do update set at_us = excluded.at_us where alert_marks.at_us <= ?`,
            )
            .run(LOOK_MARK, untilUs, nowUs).changes === 1,
      ),
    endLook: (nowUs) =>
      exclusively(() => {
        db.prepare('update alert_marks set at_us = ? where name = ?').run(nowUs, LOOK_MARK)
      }),
    memory: async () =>
      memoryOf(
        rows<Row<'alerts'>>('alerts', 'id'),
        rows<Row<'alert_marks'>>('alert_marks', 'name'),
        rows<Row<'alert_channels'>>('alert_channels', 'channel'),
      ),
    save: (changes) =>
      exclusively(() => {
        const insert = db.prepare(
          `insert into alerts (${ALERT_COLUMNS.join(', ')}) values (${ALERT_COLUMNS.map((name) => `@${name}`).join(', ')})`,
        )
        const update = db.prepare(
          `update alerts set ${ALERT_COLUMNS.map((name) => `${name} = @${name}`).join(', ')} where id = @id and state = @was`,
        )
        for (const { record, was } of changes.alerts) {
          if (was === undefined) insert.run(alertRow(record))
          else update.run({ ...alertRow(record), was })
        }
        const mark = db.prepare(
          'insert into alert_marks (name, value, at_us) values (@name, @value, @atUs) on conflict (name) do update set value = excluded.value, at_us = excluded.at_us',
        )
        for (const one of changes.marks) mark.run(one)
        const channel = db.prepare(
          'insert into alert_channels (channel, sent, suppressed) values (@channel, @sent, @suppressed) on conflict (channel) do update set sent = excluded.sent, suppressed = excluded.suppressed',
        )
        for (const one of changes.channels) channel.run(channelRow(one))
      }),
    acknowledge: (id, draft) =>
      journal(draft, () => {
        const { changes } = db
          .prepare(`update alerts set state = 'acknowledged' where id = ? and state = 'open'`)
          .run(id)
        if (changes !== 1) throw decidedElsewhere()
      }),
  }
}
