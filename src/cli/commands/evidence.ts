import { resolve } from 'node:path'
import { LookupFailed, UsageError } from '../../core/errors.ts'
import { bytes, wrapped } from '../../core/terminal.ts'
import { visibleBytesText } from '../../neutralize/visible.ts'
import { terminal } from '../../output/encode/terminal.ts'
import type { Wanted } from '../../pipeline/evidence.ts'
import type { Store } from '../../store/port.ts'
import { actorName, mayReveal, numberArgument, REASON_OPTION } from '../actor.ts'
import { type Command, EXIT, type OptionSpec, type OptionValues } from '../command.ts'
import { EVENT_OPTIONS } from '../options.ts'
import { sessionNamed } from '../session-named.ts'
import { writeNew } from '../write-file.ts'
import { letterOf } from './dlq.ts'

/** Which record or dead letter is meant, where it is not named by a session. */
export const ITEM_OPTIONS: Readonly<
  Record<'letter' | 'source' | 'line' | 'batch' | 'record', OptionSpec>
> = {
  letter: { type: 'string', value: 'NUMBER', help: 'dead letter' },
  source: { type: 'string', value: 'SOURCE', help: 'source: its number or newest path' },
  line: {
    type: 'integer',
    value: 'N',
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    help: 'record of the source, from 1',
  },
  batch: { type: 'string', value: 'BATCH', help: 'batch' },
  record: {
    type: 'integer',
    value: 'N',
    min: 0,
    max: 1_000_000,
    help: 'record of the batch, from 0',
  },
}

export const evidenceReveal: Command = {
  name: 'evidence reveal',
  summary: 'Show the exact bytes of one event, line or dead letter; kept in the journal',
  arguments: '[SESSION]',
  argumentCount: [0, 1],
  options: {
    ...EVENT_OPTIONS,
    ...ITEM_OPTIONS,
    reason: REASON_OPTION,
    output: { type: 'string', value: 'FILE', help: 'write the exact bytes into this new file' },
  },
  examples: [
    'evidence reveal 99ecbcc75e79 --event 12 --reason "case 2026-17"',
    'evidence reveal --letter 7 --reason "which tool writes this?" --output letter.bin',
    'evidence reveal --source /var/log/cowrie/cowrie.json --line 4711 --reason "case 2026-17"',
  ],
  description:
    'Asked for with a reason, granted to those whom the setting evidence.actors names (else the owner of the data folder), and written\n' +
    'into the journal before anything is shown, refusals too. The screen shows the visible form; --output writes the bytes themselves.\n' +
    'Needs the private half of the key that the batch is encrypted to.',
  async run(app, args, options) {
    const store = await app.openStore('write')
    try {
      const { reveal } = await import('../../pipeline/evidence.ts')
      const actor = actorName()
      const wanted = await wantedOf(store, args[0], options)
      const found = await reveal(store, wanted, {
        actor,
        isAllowed: mayReveal(app.settings, actor),
        reason: typeof options['reason'] === 'string' ? options['reason'] : '',
        privateKeys: await app.privateKeys(),
      })
      const output = options['output']
      if (typeof output === 'string') await writeNew(resolve(output), found.bytes, false)
      const text = visibleBytesText(found.bytes)
      app.out.result(
        {
          batch: found.batchId,
          record: found.record,
          startOffset: found.startOffset,
          endOffset: found.endOffset,
          bytes: found.bytes.length,
          sha256: found.sha256,
          leaf: found.leaf ?? null,
          text,
          base64: found.bytes.toString('base64'),
        },
        () =>
          terminal.join(
            [
              terminal`Batch ${found.batchId}, record ${found.record}, bytes ${found.startOffset} to ${found.endOffset} of its source (${bytes(found.bytes.length)})`,
              terminal`SHA-256 ${terminal.own(found.sha256)}`,
              ...(typeof output === 'string'
                ? [terminal`Written to ${terminal.own(output)}.`]
                : wrapped(
                    terminal.own(text.slice(0, SHOWN_CHARS)),
                    Math.max(40, app.out.width - 2),
                  ).map((line) => terminal`  ${line}`)),
              ...(typeof output !== 'string' && text.length > SHOWN_CHARS
                ? [terminal`  ... and more: --output FILE writes all of it`]
                : []),
            ],
            '\n',
          ),
      )
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}

/** Characters of a record on the screen. */
const SHOWN_CHARS = 16_384

async function wantedOf(
  store: Store,
  id: string | undefined,
  options: OptionValues,
): Promise<Wanted> {
  const { placeOfEvent } = await import('../../store/repo/places.ts')
  if (id !== undefined) {
    const session = await sessionNamed(store, id, options['sensor'])
    const n = typeof options['event'] === 'number' ? options['event'] : 0
    const place = n === 0 ? undefined : await placeOfEvent(store.query, session, n)
    if (place !== undefined) return { ...place, range: undefined }
    throw new LookupFailed(
      'LOOKUP_NO_EVENT',
      `The session has ${session.eventCount} events; name one with --event.`,
      {
        hint: '"nacre session ID" lists them in this order, from 1.',
      },
    )
  }
  const item = await itemOf(store, options)
  if (item !== undefined) return item
  throw new UsageError('USAGE_BAD_ARGUMENT', 'Say what to reveal.', {
    hint: 'SESSION --event N, --letter NUMBER, --source SOURCE --line N, or --batch BATCH --record N.',
  })
}

/**
 * What `ITEM_OPTIONS` name.
 *
 * @returns undefined where none of them is given
 * @throws LookupFailed, UsageError
 */
export async function itemOf(store: Store, options: OptionValues): Promise<Wanted | undefined> {
  const { placeOfLine } = await import('../../store/repo/places.ts')
  if (typeof options['letter'] === 'string') {
    const letter = await letterOf(store, options['letter'])
    return {
      batchId: letter.batchId,
      record: letter.firstRecord,
      range: { startOffset: letter.startOffset, endOffset: letter.endOffset },
    }
  }
  if (typeof options['source'] === 'string' && typeof options['line'] === 'number') {
    const place = await placeOfLine(store.query, options['source'], options['line'])
    if (place !== undefined) return { ...place, range: undefined }
    throw new LookupFailed(
      'LOOKUP_NO_EVENT',
      'No batch of this source has a record of this number.',
      {
        hint: '"nacre status" lists sources with their number of records.',
      },
    )
  }
  if (typeof options['batch'] === 'string' && typeof options['record'] === 'number')
    return {
      batchId: numberArgument(options['batch'], 'number of a batch'),
      record: options['record'],
      range: undefined,
    }
  return undefined
}
