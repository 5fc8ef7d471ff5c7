import { toHex } from '../../core/bytes.ts'
import { formatInstant } from '../../core/instant.ts'
import {
  bytes,
  fit,
  number,
  type Paint,
  pad,
  type TerminalText,
  table,
} from '../../core/terminal.ts'
import { terminal } from '../../output/encode/terminal.ts'
import type { Store } from '../../store/port.ts'
import { lagOf, readLoaders } from '../../telemetry/loaders.ts'
import type { App } from '../app.ts'
import { type Command, EXIT } from '../command.ts'
import { renderFollowing, renderLoaders, renderOpenSessions } from '../loader-status.ts'

/** Sources listed in the text; `--json` has all. */
const SHOWN = 30

export const status: Command = {
  name: 'status',
  summary:
    'Show where things stand: loaders, sources, open sessions, dead letters, the newest checkpoint',
  arguments: '',
  argumentCount: [0, 0],
  options: {},
  examples: ['status', 'status --json > kept-elsewhere.json'],
  description:
    'The JSON holds the newest checkpoint; kept on another machine, "nacre verify --checkpoint FILE" compares with it.',
  async run(app) {
    const store = await app.openStore('read')
    try {
      const { openSessions, storeStatus } = await import('../../store/repo/status.ts')
      const { checkpointDigest, checkpointMessage } = await import('../../seal/chain.ts')
      const found = await storeStatus(store.query)
      const loaders = readLoaders(app.settings.statusFolder)
      const open = await openSessions(store.query, app.clock())
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
          following: loaders.following.get(one.id) ?? null,
          lagBytes: lagOf(one) ?? loaders.following.get(one.id)?.lagBytes ?? null,
        })),
        loaders: loaders.loaders,
        openSessions: open,
        foreignFiles: found.foreignFiles,
        deadLetters: found.deadLetters,
        drift: found.drift,
        checkpoint,
        writers: await store.holders(),
        hostileContent: await hostileContent(app, store),
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
          ...renderFollowing(found.sources, loaders, SHOWN),
          terminal``,
          ...renderLoaders(loaders, paint),
          terminal``,
          ...renderOpenSessions(open, paint),
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
        lines.push(terminal``, ...renderHostile(result.hostileContent, paint))
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

/** Figures of the layer against hostile content; ratios are null where nothing was counted yet. */
async function hostileContent(app: App, store: Store) {
  const { falsePositives, metrics, verdictCounts } = await import('../../store/repo/rules.ts')
  const { heldBatches } = await import('../../store/repo/held.ts')
  const { ruleFigures } = await import('../../pipeline/rule-stats.ts')
  const { isEmergency } = await import('../../pipeline/emergency.ts')
  const counted = await metrics(store.query)
  const of = (name: string): number => counted[name] ?? 0
  const ratio = (part: number, whole: number): number | null =>
    whole === 0 ? null : Math.round((part / whole) * 10_000) / 10_000
  const batches = await heldBatches(store.query, false)
  const sum = (pick: (one: (typeof batches)[number]) => number): number =>
    batches.reduce((total, one) => total + pick(one), 0)
  const waiting = sum((one) => one.waiting)
  const rejected = sum((one) => one.rejected)
  const { rules } = ruleFigures(await verdictCounts(store.query))
  const marks = await falsePositives(store.query)
  const misses = of('scoring.texts') - of('scoring.cache_hits')
  return {
    ruleSet: (await app.ruleSet()).version,
    emergency: await isEmergency(store.reads()),
    neutralized: of('events.neutralized'),
    withVerdict: of('events.with_verdict'),
    withheld: { waiting, rejected, approved: sum((one) => one.withheld) - waiting - rejected },
    cacheHitRate: ratio(of('scoring.cache_hits'), of('scoring.texts')),
    /** Microseconds that the rules take for a text whose verdict is not at hand, on average. */
    ruleSetLatencyUs: misses === 0 ? null : Math.round(of('scoring.match_us') / misses),
    slowTexts: of('scoring.slow_texts'),
    /** Seconds from an event to its verdict, on average, of events younger than two days when they were read. */
    timeToDetectionSeconds:
      of('detection.events') === 0
        ? null
        : Math.round(of('detection.us') / of('detection.events') / 1000) / 1000,
    ruleHits: rules.slice(0, RULES_SHOWN).map(({ rule, events }) => ({ rule, events })),
    falsePositives: [...marks].map(([rule, count]) => ({ rule, count })),
  }
}

const RULES_SHOWN = 10

function renderHostile(
  figures: Awaited<ReturnType<typeof hostileContent>>,
  paint: Paint,
): TerminalText[] {
  const { withheld } = figures
  const lines = [
    paint.bold(terminal`Hostile content`),
    terminal`  ${number(figures.neutralized)} events with hostile characters made visible, ${number(figures.withVerdict)} with a verdict (rule set ${terminal.own(figures.ruleSet)})`,
    terminal`  withheld: ${withheld.waiting > 0 ? paint.yellow(number(withheld.waiting)) : number(0)} wait, ${number(withheld.approved)} approved, ${number(withheld.rejected)} rejected`,
  ]
  if (figures.emergency)
    lines.push(paint.red(terminal`  emergency: everything new is withheld, nothing is revealed`))
  if (figures.cacheHitRate !== null)
    lines.push(
      terminal`  verdicts at hand for ${terminal.own((figures.cacheHitRate * 100).toFixed(1))} % of the texts, ${figures.ruleSetLatencyUs ?? 0} µs for any other`,
    )
  if (figures.timeToDetectionSeconds !== null)
    lines.push(
      terminal`  ${terminal.own(figures.timeToDetectionSeconds.toFixed(1))} s from an event to its verdict, on average`,
    )
  for (const { rule, events } of figures.ruleHits.slice(0, 5))
    lines.push(terminal`  ${pad(number(events), 8, 'right')}  ${terminal.own(rule)}`)
  return lines
}
