import { toHex } from '../../core/bytes.ts'
import { formatInstant } from '../../core/instant.ts'
import { bytes, fit, number, pad, table } from '../../core/terminal.ts'
import { terminal } from '../../output/encode/terminal.ts'
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
        const lines = [paint.bold(terminal`${found.sources.length} sources`)]
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
                terminal`${one.id}`,
                fit(terminal.own(one.path), 50),
                one.state === 'complete' || one.state === 'open'
                  ? terminal.own(one.state)
                  : paint.yellow(terminal.own(one.state)),
                bytes(one.committedOffset),
                one.pendingBytes === 0 ? paint.dim(terminal`0`) : bytes(one.pendingBytes),
                number(one.records),
                terminal.own(formatInstant(one.lastSeenUs).slice(0, 19).replace('T', ' ')),
              ]),
          ),
        )
        if (found.sources.length > SHOWN)
          lines.push(
            paint.dim(
              terminal`  and ${found.sources.length - SHOWN} older ones; --json lists them all`,
            ),
          )
        lines.push(
          terminal``,
          paint.bold(terminal`Dead letters`),
          ...(found.deadLetters.length === 0
            ? [paint.dim(terminal`  none`)]
            : found.deadLetters.map(
                (one) =>
                  terminal`  ${pad(number(one.records), 8, 'right')}  ${terminal.own(one.reason)} ${paint.dim(terminal`in ${one.regions} regions, ${terminal.own(one.state)}`)}`,
              )),
        )
        lines.push(
          terminal``,
          paint.bold(terminal`Schema drift`),
          ...(found.drift.length === 0
            ? [paint.dim(terminal`  none`)]
            : found.drift.map(
                (one) =>
                  terminal`  ${pad(number(one.count), 8, 'right')}  ${terminal.own(one.what)} ${one.eventid} ${one.field}`,
              )),
        )
        if (found.foreignFiles > 0)
          lines.push(
            terminal``,
            terminal`${number(found.foreignFiles)} foreign files were left alone.`,
          )
        lines.push(
          terminal``,
          checkpoint === null
            ? terminal`No checkpoint yet.`
            : terminal`Checkpoint ${checkpoint.seq} of ${terminal.own(checkpoint.madeAt)} covers ${checkpoint.upToBatch} batches, signed by ${terminal.own(checkpoint.keyId)}.`,
        )
        return terminal.join(lines, '\n')
      })
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}
