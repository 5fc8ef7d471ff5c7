import { CHANNEL_NAMES } from '../../alert/channel.ts'
import type { Channel, LookReport, Told } from '../../alert/index.ts'
import { UsageError } from '../../core/errors.ts'
import { formatInstant } from '../../core/instant.ts'
import { fit, number, type TerminalText, table } from '../../core/terminal.ts'
import { terminal } from '../../output/encode/terminal.ts'
import type { AlertRecord } from '../../store/port.ts'
import { actorName, numberArgument, REASON_OPTION, reasonOption } from '../actor.ts'
import type { App } from '../app.ts'
import { type Command, EXIT } from '../command.ts'
import type { Paint } from '../output.ts'

export const alertsList: Command = {
  name: 'alerts list',
  summary: 'List what people were told, or are to be: open and acknowledged alerts',
  arguments: '',
  argumentCount: [0, 0],
  options: { all: { type: 'boolean', help: 'also those that are over' } },
  examples: ['alerts list', 'alerts list --all --json'],
  description:
    'Shows what the last look found, and does not look itself: that is "nacre alerts check".',
  async run(app, _args, options) {
    const store = await app.openStore('read')
    try {
      const { alertJson } = await import('../../alert/index.ts')
      const { alerts } = await store.alerts.memory()
      const shown = alerts.filter((one) => options['all'] === true || one.state !== 'resolved')
      const guides = await alertGuides()
      app.out.result(
        {
          alerts: shown.map((one) => ({
            ...alertJson(one),
            channels: Object.entries(one.deliveries).map(([channel, delivery]) => ({
              channel,
              told: delivery.told,
              triedAt: formatInstant(delivery.triedAtUs),
              result: delivery.result,
            })),
          })),
        },
        () =>
          shown.length === 0
            ? terminal`No alert is open.`
            : terminal.join(
                [
                  alertTable(shown, guides, app.out.paint),
                  terminal``,
                  terminal`"nacre alerts ack NUMBER --reason TEXT" ends the reminders of one.`,
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

export const alertsCheck: Command = {
  name: 'alerts check',
  summary: 'Look for alerts now, and send what is due; for cron',
  arguments: '',
  argumentCount: [0, 0],
  options: {
    'dry-run': { type: 'boolean', help: 'send and remember nothing; say what would be sent' },
  },
  examples: ['alerts check', 'alerts check --dry-run --json'],
  description:
    'Asks the store, the disk and the status file of the follower. What was told once is told again after alerts.repeat_hours.\n' +
    'Exit status 1 when a channel could not deliver; the next look tries again.',
  async run(app, _args, options) {
    const dryRun = options['dry-run'] === true
    const { lookForAlerts } = await import('../../alert/index.ts')
    const channels = await channelsOf(app)
    const store = await app.openStore(dryRun ? 'read' : 'write')
    try {
      const { gatherSituation } = await import('../situation.ts')
      const situation = await gatherSituation(store, app.settings, app.clock())
      const { thresholds, pace } = app.settings.alerts
      const report = await lookForAlerts(situation, {
        ...{ thresholds, pace, channels, dryRun },
        ...{ store: store.alerts, clock: app.clock, signal: app.signal },
      })
      await sayReport(app, report, channels)
      return report.told.some((one) => one.outcome === 'failed') ? EXIT.failed : EXIT.ok
    } finally {
      await store.close()
    }
  },
}

export const alertsTest: Command = {
  name: 'alerts test',
  summary: 'Send a marked test message through each channel, and say what happened',
  arguments: '',
  argumentCount: [0, 0],
  options: {
    channel: {
      type: 'string',
      value: 'NAME',
      choices: CHANNEL_NAMES,
      help: 'only through this one',
    },
  },
  examples: ['alerts test', 'alerts test --channel mail --json'],
  description: 'Needs no store. Exit status 1 when one of them could not deliver.',
  async run(app, _args, options) {
    const wanted = options['channel']
    const channels = (await channelsOf(app)).filter(
      ({ name }) => wanted === undefined || name === wanted,
    )
    if (channels.length === 0) {
      throw new UsageError(
        'USAGE_BAD_OPTION',
        wanted === undefined ? 'No channel is set up.' : `The channel ${wanted} is not set up.`,
        { hint: 'Set alerts.webhook, alerts.mail_to or alerts.command: docs/alerts.md.' },
      )
    }
    const heldBack = { count: 0, first: [] }
    const results = await Promise.all(
      channels.map(async (channel) => ({
        channel: channel.name,
        ...(await channel.send(
          { event: 'test', sentAtUs: app.clock(), record: undefined, heldBack },
          app.signal,
        )),
      })),
    )
    const { paint } = app.out
    app.out.result(
      {
        channels: results.map(({ channel, isDelivered, result }) => ({
          channel,
          delivered: isDelivered,
          result,
        })),
      },
      () =>
        terminal.join(
          results.map(
            ({ channel, isDelivered, result }) =>
              terminal`${isDelivered ? paint.green(terminal`✓`) : paint.red(terminal`✗`)} ${terminal.own(channel)}: ${terminal.own(result)}`,
          ),
          '\n',
        ),
    )
    return results.every((one) => one.isDelivered) ? EXIT.ok : EXIT.failed
  },
}

export const alertsAck: Command = {
  name: 'alerts ack',
  summary: 'Acknowledge an open alert: no more reminders until it is over or worse',
  arguments: 'NUMBER',
  argumentCount: [1, 1],
  options: { reason: REASON_OPTION },
  examples: ['alerts ack 7 --reason "sensor is being moved, back on Monday"'],
  description: 'Kept in the journal. A sensor that was taken out of service is acknowledged once.',
  async run(app, args, options) {
    const id = numberArgument(args[0]!, 'number of an alert')
    const reason = reasonOption(options)
    const store = await app.openStore('write')
    try {
      const { acknowledgeAlert } = await import('../../alert/index.ts')
      const alert = await acknowledgeAlert(store.alerts, id, { actor: actorName(), reason })
      app.out.result(
        { id, kind: alert.kind, subject: alert.subject, state: 'acknowledged' },
        () =>
          terminal`Alert ${id} is acknowledged: ${terminal.own(alert.kind)} ${terminal.data(alert.subject)}.`,
      )
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}

async function channelsOf(app: App): Promise<Channel[]> {
  const { alertChannels } = await import('../alert-channels.ts')
  return alertChannels(app.settings.alerts, process.env)
}

type GuideOf = typeof import('../../alert/index.ts').guideOf

async function alertGuides(): Promise<GuideOf> {
  return (await import('../../alert/index.ts')).guideOf
}

function alertTable(alerts: readonly AlertRecord[], guideOf: GuideOf, paint: Paint): TerminalText {
  return table(
    [
      { title: 'number', align: 'right' },
      { title: 'severity' },
      { title: 'state' },
      { title: 'what' },
      { title: 'about' },
      { title: 'figure', align: 'right' },
      { title: 'since (UTC)' },
      { title: 'told (UTC)' },
    ],
    alerts.map((one) => [
      terminal`${one.id}`,
      one.severity === 'critical'
        ? paint.red(terminal.own(one.severity))
        : paint.yellow(terminal.own(one.severity)),
      terminal.own(one.state),
      terminal.own(guideOf(one.kind).title),
      fit(terminal.data(one.subject), 48),
      terminal`${number(one.figure)} ${terminal.own(guideOf(one.kind).unit)}`,
      minuteOf(one.firstAtUs),
      one.notifiedAtUs === 0 ? paint.dim(terminal`never`) : minuteOf(one.notifiedAtUs),
    ]),
    '',
  )
}

function minuteOf(us: number): TerminalText {
  return terminal.own(formatInstant(us).slice(0, 16).replace('T', ' '))
}

async function sayReport(
  app: App,
  report: LookReport,
  channels: readonly Channel[],
): Promise<void> {
  const { alertJson } = await import('../../alert/index.ts')
  const guideOf = await alertGuides()
  const { paint } = app.out
  const result = {
    busy: report.isBusy,
    channels: channels.map(({ name }) => name),
    alerts: report.alerts.map(alertJson),
    messages: report.told.map(({ channel, event, record, outcome, result }) => ({
      ...{ channel, event },
      alert: record?.id ?? null,
      kind: record?.kind ?? null,
      subject: record?.subject ?? null,
      ...{ outcome, result },
    })),
  }
  app.out.result(result, () => {
    if (report.isBusy) return terminal`Another look is under way; nothing was done.`
    const lines = [
      report.alerts.length === 0
        ? terminal`No alert is open.`
        : alertTable(report.alerts, guideOf, paint),
    ]
    if (channels.length === 0)
      lines.push(terminal``, terminal`No channel is set up, so nobody is told: docs/alerts.md.`)
    if (report.told.length > 0)
      lines.push(terminal``, ...report.told.map((one) => toldLine(one, paint)))
    return terminal.join(lines, '\n')
  })
}

function toldLine({ channel, event, record, outcome, result }: Told, paint: Paint): TerminalText {
  const about =
    record === undefined
      ? terminal`messages that were held back`
      : terminal`${terminal.own(record.kind)} ${terminal.data(record.subject)}`
  const signs = {
    delivered: paint.green(terminal`✓`),
    planned: paint.dim(terminal`·`),
    'held-back': paint.yellow(terminal`!`),
    failed: paint.red(terminal`✗`),
  }
  return terminal`${signs[outcome]} ${terminal.own(channel)} ${terminal.own(event)} ${about}: ${terminal.own(result)}`
}
