import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AddressPool } from './addresses.ts'
import { ClientPool } from './clients.ts'
import { CommandPool } from './commands.ts'
import { CredentialPool } from './credentials.ts'
import { Damage } from './damage.ts'
import type { Dialect } from './dialect.ts'
import { FilePool } from './files.ts'
import { HostileValues } from './hostile.ts'
import { LineWriter } from './line-writer.ts'
import { LogFile } from './log-file.ts'
import { LogFolder } from './log-folder.ts'
import { checkSynthOptions, SYNTH_DEFAULTS, type SynthOptions } from './options.ts'
import { SessionPlanner } from './plan.ts'
import { nextUs, SessionQueue } from './queue.ts'
import { Random, TokenSource } from './random.ts'
import type { SessionEvent } from './session.ts'
import { Timeline } from './timeline.ts'
import { SessionRows, type Totals, Truth } from './truth.ts'

/** What `synthesize` wrote. */
export type SynthOutcome = {
  readonly out: string
  readonly files: number
  readonly totals: Totals
}

/** The folder to write into has something in it already, or cannot be used. */
export class SynthFolderError extends Error {}

/**
 * Writes a set of Cowrie logs, `truth.json` and `truth_sessions.tsv.gz` into an empty folder.
 *
 * The same options give the same bytes. Events come from sessions laid out in time and are written
 * and counted in one pass, so memory does not grow with their number. `truth.json` is written last:
 * a folder without it is not whole.
 *
 * @param out - made when absent; must be empty
 * @param signal - stops between two blocks of lines
 * @throws RangeError when an option cannot be used; SynthFolderError when the folder is not empty
 */
export async function synthesize(
  out: string,
  given: Partial<SynthOptions>,
  signal?: AbortSignal,
): Promise<SynthOutcome> {
  const options = { ...SYNTH_DEFAULTS, ...given }
  const problem = checkSynthOptions(options)
  if (problem !== undefined) throw new RangeError(`${problem.option} ${problem.problem}`)
  await mkdir(out, { recursive: true })
  if ((await readdir(out)).length > 0) throw new SynthFolderError(`The folder ${out} is not empty.`)

  const { seed } = options
  const random = (name: string) => new Random(seed, name)
  const tokens = (name: string) => new TokenSource(random(name))
  const addresses = new AddressPool(random('addresses'), options.events, options.ipv6)
  const files = new FilePool(random('files'), tokens('file tokens'))
  const pools = {
    clients: new ClientPool(random('clients')),
    credentials: new CredentialPool(random('credentials'), tokens('credential tokens')),
    commands: new CommandPool(random('commands'), tokens('command tokens')),
    files,
    hostile: new HostileValues(random('hostile'), options.hostile),
  }
  const timeline = new Timeline(options, new SessionPlanner(pools, random('sessions')), addresses)
  const truth = new Truth(options, timeline.firstDay, timeline.sensors, {
    addresses: addresses.size,
    files: files.size,
  })
  const extras = { random: random('extras'), damage: new Damage(random('damage')) }
  const folder = new LogFolder(out, options, extras, truth)
  const sessionsFile = await LogFile.create(join(out, 'truth_sessions.tsv.gz'), options.gzipLevel)
  try {
    await writeAll(timeline, truth, folder, sessionsFile, signal)
  } finally {
    await Promise.all([folder.close(), sessionsFile.close()])
  }
  const document = truth.finish()
  await writeFile(join(out, 'truth.json'), `${JSON.stringify(document, null, 1)}\n`, { flag: 'wx' })
  return { out, files: document.files.length, totals: document.totals }
}

/** Merges the sessions by time and writes each event where it belongs. */
async function writeAll(
  timeline: Timeline,
  truth: Truth,
  folder: LogFolder,
  sessionsFile: LogFile,
  signal: AbortSignal | undefined,
): Promise<void> {
  const queue = new SessionQueue()
  const rows = new SessionRows()
  const writers = new Map<Dialect, LineWriter>()
  for (;;) {
    const session = queue.first
    if (!timeline.isDone && (session === undefined || nextUs(session) >= timeline.frontierUs)) {
      for (const started of timeline.nextBlock()) queue.push(started)
      continue
    }
    if (session === undefined) return

    const event = session.events[session.next] as SessionEvent // or it would have left the queue
    let writer = writers.get(session.dialect)
    if (writer === undefined) {
      writer = new LineWriter(session.dialect)
      writers.set(session.dialect, writer)
    }
    const isClosed = event.what.eventid === 'cowrie.session.closed'
    truth.event(session, event, isClosed ? writer.closedMs(session, event) : undefined)
    const { sensor } = session
    const file = folder.opened(sensor, event.atUs) ?? (await folder.open(sensor, event.atUs))
    folder.write(file, writer.line(session, event))

    session.next += 1
    if (session.next === session.events.length) sessionsFile.append(rows.row(session))
    queue.advanceFirst()
    if (sessionsFile.isFull) await sessionsFile.flush()
    if (file.log.isFull) {
      signal?.throwIfAborted()
      await file.log.flush()
    }
  }
}
