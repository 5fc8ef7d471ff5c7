/** A store full of what attackers write: for pages to show. */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatInstant } from '../../src/core/instant.ts'
import { PAYLOADS } from '../hostile/payloads.ts'
import { ATTACKS } from '../replay/attacks.ts'
import { recordSession } from '../replay/recorded-session.ts'
import { START, ttyLog } from '../replay/ttylogs.ts'
import { nacre, SHARED } from '../support/cli.ts'

/** Id of the session whose terminal shows every known attack. */
export const RECORDED_SESSION = 'fefefefefefe'

/** Payloads that are too long fill pages with themselves alone. */
const PAYLOAD_CHARS_MAX = 2_000

/**
 * Loads every payload in every kind of field that pages show, recordings of terminals, lines that are no events and,
 * where they are there, the logs of a lab.
 *
 * @returns the data folder
 */
export function fillStore(folder: string): string {
  const data = join(folder, 'data')
  const log = join(folder, 'hostile.json')
  writeFileSync(log, hostileLog())
  const recorded = recordSession(
    folder,
    RECORDED_SESSION,
    [
      ttyLog(
        Object.values(ATTACKS).flatMap((attack) => [
          { data: attack },
          { data: attack, direction: 1 },
          '\u001b\\\r\n',
        ]),
      ),
      ttyLog(PAYLOADS.flatMap(({ text }) => [`${text}\u001b\\\r\n`, { data: text, direction: 1 }])),
    ],
    [100, 30],
  )
  const lab = join(SHARED, 'corpus/lab')
  const loaded = nacre([
    ...['ingest', 'bulk', log, recorded.log, ...(existsSync(lab) ? [lab] : [])],
    ...['--artifacts', recorded.tty, '--data', data],
  ])
  if (loaded.status !== 0 && loaded.status !== 4) throw new Error(loaded.stderr.slice(0, 2_000))
  return data
}

function hostileLog(): string {
  const lines: string[] = []
  let us = START * 1e6
  PAYLOADS.filter(({ text }) => text.length <= PAYLOAD_CHARS_MAX).forEach(({ text }, i) => {
    const add = (eventid: string, fields: object): void => {
      us += 1_000_000
      lines.push(
        JSON.stringify({
          eventid: `cowrie.${eventid}`,
          timestamp: formatInstant(us),
          session: i % 7 === 0 ? text.slice(0, 60) : i.toString(16).padStart(12, '0'),
          sensor: i % 5 === 0 ? text.slice(0, 60) : 'browser',
          src_ip: i % 3 === 0 ? text : `198.51.100.${i % 250}`,
          ...fields,
        }),
      )
    }
    add('session.connect', { protocol: 'ssh', src_port: 4_711 })
    add('client.version', { version: text })
    add('client.kex', { hassh: text, kexAlgs: [text] })
    add('login.failed', { username: text, password: text })
    add('login.success', { username: 'root', password: text })
    add('command.input', { input: text })
    add('session.file_download', { url: text, outfile: text, destfile: text, shasum: text })
    add('session.file_upload', { filename: text, outfile: text, shasum: text })
    add('direct-tcpip.request', { dst_ip: text, dst_port: 25 })
    if (i % 11 === 0) lines.push(`${text.replaceAll('\n', ' ')} {`)
    add('session.closed', { duration_ms: 9_000 })
  })
  return `${lines.join('\n')}\n`
}
