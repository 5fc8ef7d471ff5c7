import { LookupFailed } from '../../core/errors.ts'
import { formatInstant } from '../../core/instant.ts'
import { bytes, fit, number, table } from '../../core/terminal.ts'
import { terminal } from '../../output/encode/terminal.ts'
import type { Store } from '../../store/port.ts'
import type { DeadLetterRecord } from '../../store/repo/dead-letters.ts'
import { actorName, numberArgument, REASON_OPTION, reasonOption } from '../actor.ts'
import { type Command, EXIT } from '../command.ts'
import { writerVersions } from '../load.ts'

export const dlqList: Command = {
  name: 'dlq list',
  summary: 'List dead letters: what could not become events, and why',
  arguments: '',
  argumentCount: [0, 0],
  options: {
    state: {
      type: 'string',
      value: 'STATE',
      choices: ['new', 'replayed', 'superseded', 'discarded', 'all'],
      help: 'new, replayed, superseded, discarded or all (default new)',
    },
    why: { type: 'string', value: 'CODE', help: 'only this reason code: not-json, no-time, ...' },
    limit: {
      type: 'integer',
      value: 'N',
      min: 1,
      max: 1_000_000,
      help: 'at most so many (default 50)',
    },
  },
  examples: ['dlq list', 'dlq list --why torn-archive --state all --json'],
  async run(app, _args, options) {
    const store = await app.openStore('read')
    try {
      const { deadLetters } = await import('../../store/repo/dead-letters.ts')
      const { letterJson } = await import('../../pipeline/dead-letters.ts')
      const state = typeof options['state'] === 'string' ? options['state'] : 'new'
      const limit = typeof options['limit'] === 'number' ? options['limit'] : 50
      const found = await deadLetters(
        store.query,
        {
          state: state === 'all' ? undefined : state,
          reason: typeof options['why'] === 'string' ? options['why'] : undefined,
        },
        limit + 1,
      )
      const shown = found.slice(0, limit)
      app.out.result({ deadLetters: shown.map(letterJson), hasMore: found.length > limit }, () => {
        if (shown.length === 0) return terminal`No dead letter matches.`
        const list = table(
          [
            { title: 'number', align: 'right' },
            { title: 'reason' },
            { title: 'records', align: 'right' },
            { title: 'bytes', align: 'right' },
            { title: 'source' },
            { title: 'from byte', align: 'right' },
            { title: 'state' },
          ],
          shown.map((one) => [
            terminal`${one.id}`,
            terminal.own(one.reason),
            number(one.records),
            bytes(one.endOffset - one.startOffset),
            fit(terminal.own(one.path), 60),
            number(one.startOffset),
            terminal.own(one.state),
          ]),
          '',
        )
        return found.length > limit ? terminal`${list}\n... and more: --limit N` : list
      })
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}

export const dlqShow: Command = {
  name: 'dlq show',
  summary: 'Show what is known of one dead letter; its bytes stay sealed',
  arguments: 'NUMBER',
  argumentCount: [1, 1],
  options: {},
  examples: ['dlq show 7'],
  description:
    'The bytes are the record itself: "nacre evidence reveal --letter NUMBER --reason TEXT" shows them, and keeps that it did.',
  async run(app, args) {
    const store = await app.openStore('read')
    try {
      const letter = await letterOf(store, args[0]!)
      const { letterJson } = await import('../../pipeline/dead-letters.ts')
      const { DEAD_REASON_MEANINGS } = await import('../../core/event.ts')
      const meaning = DEAD_REASON_MEANINGS.get(letter.reason) ?? ''
      app.out.result({ ...letterJson(letter), meaning }, () =>
        terminal.join(
          [
            app.out.paint.bold(terminal`Dead letter ${letter.id}`),
            terminal`  reason   ${terminal.own(letter.reason)}: ${terminal.own(meaning)}`,
            terminal`  detail   ${terminal.own(letter.detail)}`,
            terminal`  state    ${terminal.own(letter.state)}`,
            terminal`  source   ${terminal.own(letter.path)}`,
            terminal`  bytes    ${number(letter.startOffset)} to ${number(letter.endOffset)} of the decompressed stream`,
            terminal`  records  ${number(letter.records)}, from record ${number(letter.sourceRecord + 1)} of the source (batch ${letter.batchId}, record ${letter.firstRecord})`,
            terminal`  loaded   ${terminal.own(formatInstant(letter.committedAtUs))}`,
            terminal``,
            terminal`nacre evidence reveal --letter ${letter.id} --reason TEXT   shows its bytes`,
            terminal`nacre dlq replay ${letter.id} --reason TEXT                 reads it again`,
            terminal`nacre dlq discard ${letter.id} --reason TEXT                gives it up`,
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

export const dlqReplay: Command = {
  name: 'dlq replay',
  summary: 'Read dead letters again, with the program and settings of now',
  arguments: 'NUMBER...',
  argumentCount: [1, Number.POSITIVE_INFINITY],
  options: {
    reason: REASON_OPTION,
    'accept-enriched': {
      type: 'boolean',
      help: 'take Elasticsearch hits whose _source was changed on its way',
    },
  },
  examples: [
    'dlq replay 7 --reason "decoder was mended"',
    'dlq replay 7 8 9 --accept-enriched --reason "wanted"',
  ],
  description:
    'What can be read now goes through the same stages and keys as any log, as a source of its own. What still cannot stays as it is.\n' +
    'Needs the private half of the key that the bytes are encrypted to.',
  async run(app, args, options) {
    const reason = reasonOption(options)
    const store = await app.openStore('write')
    try {
      const { replay } = await import('../../pipeline/dead-letters.ts')
      const { makeStages } = await import('../../pipeline/stages.ts')
      const signingKey = await app.prepare(store)
      const privateKeys = await app.privateKeys()
      const writer = store.writer(await writerVersions(app))
      const results: object[] = []
      let held = 0
      try {
        for (const number of args) {
          const letter = await letterOf(store, number)
          const stages = await makeStages(await app.stagesPlan(store, writer.needs))
          const done = await replay(store, writer, letter, {
            stages,
            privateKeys,
            acceptEnriched: options['accept-enriched'] === true,
            nowUs: app.clock(),
            signingKey,
            actor: actorName(),
            reason,
          })
          held += done.fates.held
          results.push({ letter: letter.id, outcome: done.outcome, ...done.fates })
        }
      } finally {
        await writer.close()
      }
      app.out.result({ letters: results }, () =>
        terminal.join(
          (
            results as {
              letter: number
              outcome: string
              stored: number
              duplicate: number
              held: number
              dead: number
            }[]
          ).map((one) =>
            one.outcome === 'unreadable'
              ? terminal`${one.letter}: still cannot be read; nothing was changed`
              : terminal`${one.letter}: ${number(one.stored)} stored, ${number(one.duplicate)} duplicate, ${number(one.held)} held, ${number(one.dead)} still dead`,
          ),
          '\n',
        ),
      )
      return held > 0 ? EXIT.held : EXIT.ok
    } finally {
      await store.close()
    }
  },
}

export const dlqDiscard: Command = {
  name: 'dlq discard',
  summary: 'Give dead letters up: they no longer count as waiting',
  arguments: 'NUMBER...',
  argumentCount: [1, Number.POSITIVE_INFINITY],
  options: { reason: REASON_OPTION },
  examples: ['dlq discard 7 --reason "noise of a broken disk"'],
  description: 'Their sealed bytes stay where they are; the journal keeps who decided and why.',
  async run(app, args, options) {
    const reason = reasonOption(options)
    const store = await app.openStore('write')
    try {
      const { discard } = await import('../../pipeline/dead-letters.ts')
      const done: number[] = []
      for (const number of args) {
        const letter = await letterOf(store, number)
        await discard(store, letter, { actor: actorName(), reason })
        done.push(letter.id)
      }
      app.out.result({ discarded: done }, () =>
        done.length === 1
          ? terminal`1 dead letter discarded.`
          : terminal`${done.length} dead letters discarded.`,
      )
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}

/** @throws LookupFailed, UsageError */
export async function letterOf(store: Store, text: string): Promise<DeadLetterRecord> {
  const { deadLetters } = await import('../../store/repo/dead-letters.ts')
  const id = numberArgument(text, 'number of a dead letter')
  const [letter] = await deadLetters(store.query, { id }, 1)
  if (letter !== undefined) return letter
  throw new LookupFailed('LOOKUP_NO_LETTER', `There is no dead letter ${id}.`, {
    hint: '"nacre dlq list --state all" lists them.',
  })
}
