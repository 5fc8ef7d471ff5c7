import { toHex } from '../../core/bytes.ts'
import { formatInstant } from '../../core/instant.ts'
import { bytes, fit, number, table } from '../../core/terminal.ts'
import { type Command, EXIT } from '../command.ts'

/** Sources listed in the text; `--json` has all. */
const SHOWN = 30

export const status: Command = {
  name: 'status',
  summary: 'Show where things stand: sources, cursors, dead letters, the newest checkpoint',
  arguments: '',
  argumentCount: [0, 0],
  options: {},
  examples: ['status', 'status --json > kept-elsewhere.json'],
  description:
    'The JSON holds the newest checkpoint; kept on another machine, "nacre verify --checkpoint FILE" compares with it.',
  async run(app) {
    const store = await app.openStore('read')
    try {
      const { storeStatus } = await import('../../store/repo/status.ts')
      const { checkpointDigest, checkpointMessage } = await import('../../seal/chain.ts')
      const found = await storeStatus(store.query)
      const last = found.checkpoint
      const checkpoint =
        last === undefined
          ? null
          : {
              seq: last.seq,
              madeAt: formatInstant(last.madeAtUs),
              upToBatch: last.upToBatch,
              sources: last.sources,
              treeRoot: toHex(last.treeRoot),
              journalSeq: last.journalSeq,
              journalHead: toHex(last.journalHead),
              keyId: last.keyId,
              signature: toHex(last.signature),
              digest: toHex(checkpointDigest(checkpointMessage(last))),
            }
      const result = {
        sources: found.sources.map((one) => ({
          ...one,
          firstSeenAt: formatInstant(one.firstSeenUs),
          lastSeenAt: formatInstant(one.lastSeenUs),
          firstSeenUs: undefined,
          lastSeenUs: undefined,
        })),
        foreignFiles: found.foreignFiles,
        deadLetters: found.deadLetters,
        drift: found.drift,
        checkpoint,
        writers: await store.holders(),
      }
      app.out.result(result, () => {
        const { paint } = app.out
        const lines = [paint.bold(`${found.sources.length} sources`)]
        lines.push(
          table(
            [
              { title: 'source', align: 'right' },
              { title: 'newest path' },
              { title: 'state' },
              { title: 'read', align: 'right' },
              { title: 'pending', align: 'right' },
              { title: 'records', align: 'right' },
              { title: 'last read (UTC)' },
            ],
            found.sources
              .slice(-SHOWN)
              .map((one) => [
                String(one.id),
                fit(one.path, 50),
                one.state === 'complete' || one.state === 'open'
                  ? one.state
                  : paint.yellow(one.state),
                bytes(one.committedOffset),
                one.pendingBytes === 0 ? paint.dim('0') : bytes(one.pendingBytes),
                number(one.records),
                formatInstant(one.lastSeenUs).slice(0, 19).replace('T', ' '),
              ]),
          ),
        )
        if (found.sources.length > SHOWN)
          lines.push(
            paint.dim(`  and ${found.sources.length - SHOWN} older ones; --json lists them all`),
          )
        lines.push(
          '',
          paint.bold('Dead letters'),
          ...(found.deadLetters.length === 0
            ? [paint.dim('  none')]
            : found.deadLetters.map(
                (one) =>
                  `  ${number(one.records).padStart(8)}  ${one.reason} ${paint.dim(`in ${one.regions} regions, ${one.state}`)}`,
              )),
        )
        lines.push(
          '',
          paint.bold('Schema drift'),
          ...(found.drift.length === 0
            ? [paint.dim('  none')]
            : found.drift.map(
                (one) =>
                  `  ${number(one.count).padStart(8)}  ${one.what} ${one.eventid} ${one.field}`,
              )),
        )
        if (found.foreignFiles > 0)
          lines.push('', `${number(found.foreignFiles)} foreign files were left alone.`)
        lines.push(
          '',
          checkpoint === null
            ? 'No checkpoint yet.'
            : `Checkpoint ${checkpoint.seq} of ${checkpoint.madeAt} covers ${checkpoint.upToBatch} batches, signed by ${checkpoint.keyId}.`,
        )
        return lines.join('\n')
      })
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}
