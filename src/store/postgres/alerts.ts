import type { InstantUs } from '../../core/instant.ts'
import type { JournalDraft } from '../journal.ts'
import type { AlertStore } from '../port.ts'
import { ALERT_COLUMNS, alertRow, channelRow, LOOK_MARK, memoryOf } from '../repo/alerts.ts'
import type { Row } from '../schema.ts'
import type { Sealing } from '../sealing.ts'
import { decidedElsewhere } from '../verdicts.ts'
import type { Connections } from './connection.ts'
import { appendJournal } from './journal.ts'

export function postgresAlerts(context: {
  readonly connections: Connections
  readonly sealing: Sealing
  readonly clock: () => InstantUs
}): AlertStore {
  const { connections, sealing, clock } = context
  const rows = async <T extends object>(table: string, order: string): Promise<T[]> =>
    (
      await connections.retry(() =>
        connections.pool.query<T>(`select * from ${table} order by ${order}`),
      )
    ).rows
  const numbers = ALERT_COLUMNS.map((_, i) => `$${i + 1}`)
  return {
    beginLook: (nowUs, untilUs) =>
      connections.transaction(async (client) => {
        const { rowCount } = await client.query(
          `insert into alert_marks (name, value, at_us) values ($1, 0, $2)
           on conflict (name) do update set at_us = excluded.at_us where alert_marks.at_us <= $3`,
          [LOOK_MARK, untilUs, nowUs],
        )
        return rowCount === 1
      }),
    async endLook(nowUs) {
      await connections.transaction((client) =>
        client.query('update alert_marks set at_us = $1 where name = $2', [nowUs, LOOK_MARK]),
      )
    },
    memory: async () =>
      memoryOf(
        await rows<Row<'alerts'>>('alerts', 'id'),
        await rows<Row<'alert_marks'>>('alert_marks', 'name'),
        await rows<Row<'alert_channels'>>('alert_channels', 'channel'),
      ),
    async save(changes) {
      // Rows of alerts are written by one look at a time, so there is no order of locks to keep.
      await connections.transaction(async (client) => {
        for (const { record, was } of changes.alerts) {
          const row = alertRow(record)
          const cells = ALERT_COLUMNS.map((name) => row[name])
          if (was === undefined)
            await client.query(
              `insert into alerts (${ALERT_COLUMNS.join(', ')}) values (${numbers.join(', ')})`,
              cells,
            )
          else
            await client.query(
              `update alerts set ${ALERT_COLUMNS.map((name, i) => `${name} = ${numbers[i]}`).join(', ')} where id = $1 and state = $${cells.length + 1}`,
              [...cells, was],
            )
        }
        for (const one of changes.marks)
          await client.query(
            'insert into alert_marks (name, value, at_us) values ($1, $2, $3) on conflict (name) do update set value = excluded.value, at_us = excluded.at_us',
            [one.name, one.value, one.atUs],
          )
        for (const one of changes.channels) {
          const { channel, sent, suppressed } = channelRow(one)
          await client.query(
            'insert into alert_channels (channel, sent, suppressed) values ($1, $2, $3) on conflict (channel) do update set sent = excluded.sent, suppressed = excluded.suppressed',
            [channel, sent, suppressed],
          )
        }
      })
    },
    acknowledge: (id, draft: JournalDraft) =>
      connections.transaction((client) =>
        appendJournal(client, sealing, clock(), draft, async () => {
          const { rowCount } = await client.query(
            `update alerts set state = 'acknowledged' where id = $1 and state = 'open'`,
            [id],
          )
          if (rowCount !== 1) throw decidedElsewhere()
        }),
      ),
  }
}
