import { UsageError } from '../../core/errors.ts'
import { formatInstant } from '../../core/instant.ts'
import {
  bytes,
  fit,
  fitEnd,
  number,
  type Paint,
  pad,
  type TerminalText,
  table,
} from '../../core/terminal.ts'
import type { Place } from '../../geo/reader.ts'
import { refang } from '../../output/defang.ts'
import { terminal } from '../../output/encode/terminal.ts'
import type { PlaceCoverage } from '../../store/port.ts'
import { type Command, EXIT } from '../command.ts'
import {
  ageDays,
  configuredDatabases,
  isOld,
  NOT_CONFIGURED,
  type Tried,
  triedDatabases,
} from '../geo.ts'

export const geoStatus: Command = {
  name: 'geo status',
  summary: 'Show the databases of places, how old they are, and how many addresses they cover',
  arguments: '',
  argumentCount: [0, 0],
  options: {},
  examples: ['geo status', 'geo status --json'],
  description:
    'Reads the files of the setting geo.databases and counts in the store. Changes nothing.',
  async run(app) {
    const tried = await triedDatabases(app)
    const store = await app.openStore('read')
    try {
      const { GeoDatabases } = await import('../../geo/reader.ts')
      const open = tried.flatMap(({ database }) => database ?? [])
      const isWhole = open.length > 0 && open.length === tried.length
      const digest = isWhole ? new GeoDatabases(open).set.digest : undefined
      const coverage = await store.places.coverage(digest)
      const nowUs = app.clock()
      const result = {
        configured: tried.length > 0,
        databases: tried.map(({ path, database, error }) => ({
          path,
          ...(database === undefined
            ? { error: { code: error?.code, message: error?.message, hint: error?.hint } }
            : {
                type: database.type,
                description: database.description,
                builtAt: database.builtAtUs === 0 ? null : formatInstant(database.builtAtUs),
                ageDays: ageDays(database, nowUs) ?? null,
                isOld: isOld(database, nowUs),
                facts: database.facts,
                bytes: database.size,
                digest: database.digest,
              }),
        })),
        coverage,
      }
      app.out.result(result, () => renderStatus(tried, coverage, nowUs, app.out.paint))
      return tried.some(({ error }) => error !== undefined) ? EXIT.failed : EXIT.ok
    } finally {
      await store.close()
    }
  },
}

export const geoUpdate: Command = {
  name: 'geo update',
  summary: 'Look up every address that has no place from the present databases',
  arguments: '',
  argumentCount: [0, 0],
  options: {
    'dry-run': { type: 'boolean', help: 'look up and count, write nothing' },
  },
  examples: ['geo update --dry-run', 'geo update'],
  description:
    'Writes in short transactions, so loads may go on. Stopped, it goes on where it was. Places of older files stay until they are replaced. Nothing is downloaded.',
  async run(app, _args, options) {
    const isDryRun = options['dry-run'] === true
    let databases = await configuredDatabases(app)
    const store = await app.openStore(isDryRun ? 'read' : 'write')
    try {
      const { enrich } = await import('../../geo/enrich.ts')
      const { reopenReplaced } = await import('../../geo/reader.ts')
      const { systemFiles } = await import('../../source/files.ts')
      const run = () =>
        enrich(store, databases, {
          ...{ signal: app.signal, clock: app.clock, isDryRun },
          progress: (done) => app.out.progress(terminal`Looked up ${number(done)} addresses`),
        })
      let report = await run()
      // Files that were replaced meanwhile are the ones that count; more than once in a row is left for the next call.
      const now = await reopenReplaced(databases, systemFiles, app.clock)
      if (report.isComplete && now.set.digest !== databases.set.digest) {
        app.out.note(terminal`A file was replaced meanwhile: looking up again.`)
        databases = now
        report = await run()
      }
      const { after: _, ...counts } = report
      app.out.result({ ...counts, dryRun: isDryRun }, () => {
        const { lookedUp, withCountry, withAsn, withNone, damaged, isComplete } = report
        const lines = [
          terminal`${number(lookedUp)} addresses ${terminal.own(isDryRun ? 'would be looked up' : 'looked up')}: ${number(withCountry)} with a country, ${number(withAsn)} with a network, ${number(withNone)} not known.`,
        ]
        if (damaged > 0)
          lines.push(
            app.out.paint.yellow(
              terminal`${number(damaged)} met a record that cannot be read: get the database again.`,
            ),
          )
        if (!isComplete) lines.push(terminal`Stopped; the next call goes on.`)
        return terminal.join(lines, '\n')
      })
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}

export const geoLookup: Command = {
  name: 'geo lookup',
  summary: 'Ask the databases of places about one address',
  arguments: 'ADDRESS',
  argumentCount: [1, 1],
  options: {},
  examples: ['geo lookup 192.0.2.7', 'geo lookup 2001:db8::7 --json'],
  description:
    'Reads the files of the setting geo.databases, not the store; 192.0.2[.]7 is understood, too.',
  async run(app, args) {
    const { readAddress } = await import('../../geo/address.ts')
    const address = readAddress(refang(args[0]!))
    if (address === undefined) {
      throw new UsageError('USAGE_BAD_ARGUMENT', `"${args[0]!.slice(0, 40)}" is no address.`, {
        hint: 'Write an IPv4 or IPv6 address, such as 192.0.2.7 or 2001:db8::7.',
      })
    }
    const databases = await configuredDatabases(app)
    const place = databases.lookup(address.text)
    const answers = databases.databases.map((one) => ({
      path: one.path,
      type: one.type,
      ...one.lookup(address.text),
    }))
    app.out.result({ address: address.text, ...place, databases: answers }, () => {
      const { paint } = app.out
      const lines = [paint.bold(terminal.data(address.text)), ...factLines(place, paint)]
      if (answers.length > 1) {
        for (const { path, ...one } of answers)
          lines.push(terminal``, paint.dim(terminal.own(path)), ...factLines(one, paint))
      }
      return terminal.join(lines, '\n')
    })
    return EXIT.ok
  },
}

function factLines(place: Place, paint: Paint): TerminalText[] {
  if (place.isDamaged && place.network === null)
    return [paint.yellow(terminal`  its record cannot be read: get the database again`)]
  if (place.network === null) return [terminal`  not known`]
  const facts: readonly (readonly [string, TerminalText | undefined])[] = [
    ['country', place.country === null ? undefined : terminal.data(place.country)],
    ['city', place.city === null ? undefined : terminal.data(place.city)],
    ['asn', place.asn === null ? undefined : terminal.own(`AS${place.asn}`)],
    ['organisation', place.organisation === null ? undefined : terminal.data(place.organisation)],
    ['network', terminal.data(place.network)],
  ]
  return facts.flatMap(([name, text]) =>
    text === undefined ? [] : [terminal`  ${paint.dim(pad(terminal.own(name), 13))} ${text}`],
  )
}

function renderStatus(
  tried: readonly Tried[],
  coverage: PlaceCoverage,
  nowUs: number,
  paint: Paint,
): TerminalText {
  const lines: TerminalText[] = []
  if (tried.length === 0)
    lines.push(terminal.own(NOT_CONFIGURED.message), terminal.own(NOT_CONFIGURED.hint))
  const rows = tried.flatMap(({ database: one }) =>
    one === undefined
      ? []
      : [
          [
            fitEnd(terminal.own(one.path), 48),
            fit(terminal.data(one.type), 28),
            terminal.own(one.facts.join(' ')),
            one.builtAtUs === 0
              ? terminal`not told`
              : terminal.own(formatInstant(one.builtAtUs).slice(0, 10)),
            isOld(one, nowUs)
              ? paint.yellow(terminal`${ageDays(one, nowUs) ?? 0} days: old`)
              : terminal`${ageDays(one, nowUs) ?? terminal`-`} days`,
            bytes(one.size),
          ],
        ],
  )
  if (rows.length > 0) {
    const columns = [
      { title: 'database' },
      { title: 'type' },
      { title: 'knows' },
      { title: 'built' },
      { title: 'age' },
      { title: 'size', align: 'right' as const },
    ]
    lines.push(paint.bold(terminal`Databases`), table(columns, rows))
  }
  for (const { error } of tried) {
    if (error === undefined) continue
    lines.push(paint.red(terminal.own(error.message)), terminal`    ${terminal.own(error.hint)}`)
  }
  const share = (part: number, of: number): TerminalText =>
    terminal`${number(part)} of ${number(of)}${of === 0 ? terminal`` : terminal.own(` (${((part / of) * 100).toFixed(1)} %)`)}`
  const { addresses, lookedUp, sessions } = coverage
  const facts: readonly (readonly [string, TerminalText])[] = [
    ['addresses looked up', share(lookedUp, addresses)],
    ['  with a country', share(coverage.withCountry, addresses)],
    ['  with a network', share(coverage.withAsn, addresses)],
    ['  not known', share(coverage.withNone, addresses)],
    ['sessions with a country', share(coverage.sessionsWithCountry, sessions)],
    ['sessions with a network', share(coverage.sessionsWithAsn, sessions)],
  ]
  lines.push(
    paint.bold(terminal`Coverage`),
    ...facts.map(([name, text]) => terminal`  ${paint.dim(pad(terminal.own(name), 24))} ${text}`),
  )
  const left = addresses - lookedUp + coverage.fromOtherSets
  if (tried.length > 0 && left > 0)
    lines.push(terminal`${number(left)} addresses wait for "nacre geo update".`)
  return terminal.join(lines, '\n')
}
