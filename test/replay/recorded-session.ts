/** A session with recordings of its terminal, as Cowrie leaves it: a log, and a folder of tty logs. */
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatInstant } from '../../src/core/instant.ts'
import { readTtyLog } from '../../src/replay/ttylog.ts'
import { START } from './ttylogs.ts'

export type RecordedSession = {
  /** Path of the log. */
  readonly log: string
  /** Folder of the recordings. */
  readonly tty: string
  readonly names: readonly string[]
}

/** @param size - of the terminal, as the client claimed it */
export function recordSession(
  folder: string,
  session: string,
  recordings: readonly Uint8Array[],
  size?: readonly [number, number],
): RecordedSession {
  const tty = join(folder, 'tty')
  mkdirSync(tty, { recursive: true })
  const at = (ms: number): string => formatInstant(START * 1e6 + ms * 1_000)
  const common = { session, sensor: 'replay', src_ip: '192.0.2.7', protocol: 'ssh' }
  const names = recordings.map((bytes) => {
    const { inputSha256 } = readTtyLog(bytes, true, ({ data }) => data.length)
    writeFileSync(join(tty, inputSha256), bytes)
    return inputSha256
  })
  const events = [
    { eventid: 'cowrie.session.connect', timestamp: at(0), ...common },
    ...(size === undefined
      ? []
      : [
          {
            eventid: 'cowrie.client.size',
            timestamp: at(1),
            width: size[0],
            height: size[1],
            ...common,
          },
        ]),
    ...names.map((name, i) => ({
      eventid: 'cowrie.log.closed',
      timestamp: at(1_000 + i),
      ttylog: `var/lib/cowrie/tty/${name}`,
      shasum: name,
      duplicate: false,
      ...common,
    })),
    { eventid: 'cowrie.session.closed', timestamp: at(2_000), duration_ms: 2_000, ...common },
  ]
  const log = join(folder, `${session}.json`)
  writeFileSync(log, `${events.map((event) => JSON.stringify(event)).join('\n')}\n`)
  return { log, tty, names }
}

/** A hash that names nothing. */
export function nothing(): string {
  return createHash('sha256').update('nothing').digest('hex')
}
