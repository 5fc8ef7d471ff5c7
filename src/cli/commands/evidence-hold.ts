import { toHex } from '../../core/bytes.ts'
import { LookupFailed, UsageError } from '../../core/errors.ts'
import { formatInstant } from '../../core/instant.ts'
import { fit, type Paint, type TerminalText, table } from '../../core/terminal.ts'
import { toVisible, visibleName } from '../../neutralize/visible.ts'
import { terminal } from '../../output/encode/terminal.ts'
import type { HoldScope } from '../../store/port.ts'
import type { HoldRecord } from '../../store/repo/holds.ts'
import { actorName, mayReveal, numberArgument, REASON_OPTION, reasonOption } from '../actor.ts'
import type { Store } from '../app.ts'
import { type Command, EXIT, type OptionValues } from '../command.ts'
import { checkSensors } from '../known-sensors.ts'
import { stretchOption } from '../options.ts'
import { sessionNamed } from '../session-named.ts'

export const holdAdd: Command = {
  name: 'evidence hold add',
  summary: 'Put a legal hold on what must not be deleted',
  arguments: '',
  argumentCount: [0, 0],
  options: {
    session: { type: 'string', value: 'ID', help: 'this session' },
    sensor: { type: 'string', value: 'NAME', help: 'this sensor, or the sensor of the session' },
    source: { type: 'string', value: 'SOURCE', help: 'this source: its number or newest path' },
    from: { type: 'string', value: 'TIME', help: 'events at or after this instant or day (UTC)' },
    until: { type: 'string', value: 'TIME', help: 'events before this instant or day' },
    reason: REASON_OPTION,
  },
  examples: [
    'evidence hold add --session 99ecbcc75e79 --reason "case 2026-17"',
    'evidence hold add --sensor lab-main --from 2026-05-01 --until 2026-06-01 --reason "order of the court"',
  ],
  description:
    'All that is given must apply. Nothing that a hold is about is deleted until it is released, and the journal keeps both.',
  async run(app, _args, options) {
    const store = await app.openStore('write')
    try {
      const { addHold } = await import('../../evidence/holds.ts')
      const scope = await scopeOf(store, options)
      const id = await addHold(store, scope, { actor: actorName(), reason: reasonOption(options) })
      app.out.result({ hold: id }, () => terminal`Legal hold ${id} is in force.`)
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}

async function scopeOf(store: Store, options: OptionValues): Promise<HoldScope> {
  const { sinceUs, untilUs } = stretchOption(options, 'from')
  const id = options['session']
  const session =
    typeof id === 'string' ? await sessionNamed(store, id, options['sensor']) : undefined
  const scope = {
    sensor:
      session?.sensor ??
      (typeof options['sensor'] === 'string' ? visibleName(options['sensor']) : ''),
    session: session?.session ?? '',
    source: typeof options['source'] === 'string' ? await sourceOf(store, options['source']) : '',
    fromUs: sinceUs ?? null,
    untilUs: untilUs ?? null,
  }
  if (Object.values(scope).every((value) => value === '' || value === null))
    throw new UsageError('USAGE_BAD_ARGUMENT', 'Say what must not be deleted.', {
      hint: '--session ID, --source SOURCE, --sensor NAME, --from TIME, --until TIME, or several of them.',
    })
  if (scope.sensor !== '' && session === undefined) await checkSensors(store, [scope.sensor])
  return scope
}

/** Uid of a source. @throws LookupFailed */
async function sourceOf(store: Store, given: string): Promise<string> {
  const row = await store.query
    .selectFrom('sources')
    .where((e) =>
      /^\d{1,15}$/.test(given) ? e('id', '=', Number(given)) : e('path', '=', toVisible(given)),
    )
    .select('uid')
    .executeTakeFirst()
  if (row !== undefined) return toHex(row.uid)
  throw new LookupFailed('LOOKUP_NO_EVENT', 'There is no source of this number or path.', {
    hint: '"nacre status" lists sources.',
  })
}

export const holdList: Command = {
  name: 'evidence hold list',
  summary: 'List legal holds',
  arguments: '',
  argumentCount: [0, 0],
  options: { all: { type: 'boolean', help: 'also those that were released' } },
  examples: ['evidence hold list', 'evidence hold list --all --json'],
  async run(app, _args, options) {
    const store = await app.openStore('read')
    try {
      const { legalHolds } = await import('../../store/repo/holds.ts')
      const holds = await legalHolds(store.query, options['all'] === true)
      app.out.result({ holds: holds.map(holdJson) }, () => renderHolds(holds, app.out.paint))
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}

function holdJson({ fromUs, untilUs, addedAtUs, released, ...hold }: HoldRecord) {
  return {
    ...hold,
    from: fromUs === null ? null : formatInstant(fromUs),
    until: untilUs === null ? null : formatInstant(untilUs),
    addedAt: formatInstant(addedAtUs),
    released:
      released === undefined
        ? null
        : { actor: released.actor, reason: released.reason, at: formatInstant(released.atUs) },
  }
}

function renderHolds(holds: readonly HoldRecord[], paint: Paint): TerminalText {
  if (holds.length === 0) return terminal`There is no legal hold.`
  return table(
    [
      { title: 'number', align: 'right' },
      { title: 'since (UTC)' },
      { title: 'by' },
      { title: 'what' },
      { title: 'why' },
      { title: 'state' },
    ],
    holds.map((hold) => [
      terminal`${hold.id}`,
      terminal.own(formatInstant(hold.addedAtUs).slice(0, 16).replace('T', ' ')),
      fit(terminal.data(hold.actor), 16),
      fit(scopeText(hold), 60),
      fit(terminal.data(hold.reason), 40),
      hold.released === undefined ? paint.yellow(terminal`in force`) : terminal`released`,
    ]),
    '',
  )
}

/** What a hold is about, in a few words. */
function scopeText({ sensor, session, source, fromUs, untilUs }: HoldScope): TerminalText {
  const parts: TerminalText[] = []
  if (session !== '') parts.push(terminal`session ${terminal.data(session)}`)
  if (sensor !== '') parts.push(terminal`sensor ${terminal.data(sensor)}`)
  if (source !== '') parts.push(terminal`source ${terminal.own(source.slice(0, 12))}`)
  if (fromUs !== null)
    parts.push(terminal`from ${terminal.own(formatInstant(fromUs).slice(0, 19))}`)
  if (untilUs !== null)
    parts.push(terminal`until ${terminal.own(formatInstant(untilUs).slice(0, 19))}`)
  return terminal.join(parts, ', ')
}

export const holdRelease: Command = {
  name: 'evidence hold release',
  summary: 'End a legal hold',
  arguments: 'NUMBER',
  argumentCount: [1, 1],
  options: { reason: REASON_OPTION },
  examples: ['evidence hold release 12 --reason "case closed"'],
  description: 'Granted to those who may reveal sealed bytes. The hold stays on the list of all.',
  async run(app, [number = ''], options) {
    const store = await app.openStore('write')
    try {
      const { releaseHold } = await import('../../evidence/holds.ts')
      const actor = actorName()
      const hold = await releaseHold(store, numberArgument(number, 'number of a hold'), {
        actor,
        reason: reasonOption(options),
        isAllowed: mayReveal(app.settings, actor),
      })
      app.out.result({ hold: hold.id }, () => terminal`Legal hold ${hold.id} is released.`)
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}
