/** Levels of redaction as commands offer them: the option, and what applies a level. */
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ExportError } from '../core/errors.ts'
import { LEVELS, type Level } from '../redact/levels.ts'
import type { Redactor } from '../redact/redactor.ts'
import { type App, keyFolder, makeFolder, type Store } from './app.ts'
import type { OptionSpec, OptionValues } from './command.ts'

/** Option of every command whose result leaves the house. */
export const REDACT_OPTION: Readonly<Record<'redact', OptionSpec>> = {
  redact: {
    type: 'string',
    value: 'LEVEL',
    choices: LEVELS,
    help: 'what is taken out: nothing (internal), own addresses and personal data (partner), passwords and words of commands, too (public); default internal',
  },
}

export const KEY_FILE = 'redaction.key'
const KEY_BYTES = 32

export function levelOf(options: OptionValues): Level {
  return LEVELS.find((level) => level === options['redact']) ?? 'internal'
}

/** What applies the level that was asked for. @throws ExportError `REDACT_KEY_UNREADABLE` */
export async function redactorOf(app: App, store: Store, options: OptionValues): Promise<Redactor> {
  const level = levelOf(options)
  const { Redactor } = await import('../redact/redactor.ts')
  if (level === 'internal') {
    const nothing = { ownAddresses: [], ownNames: [], sensors: [], pii: (text: string) => text }
    return new Redactor({ level, key: new Uint8Array(), ...nothing })
  }
  const { makeRedactor, DETECTORS } = await import('../neutralize/pii/index.ts')
  const pii = await makeRedactor({ detectors: Object.keys(DETECTORS), plugins: [] })
  const sensors = await store.query.selectFrom('sensors').select('name').execute()
  return new Redactor({
    level,
    key: redactionKey(app),
    ownAddresses: app.settings.redactOwnAddresses,
    ownNames: app.settings.redactOwnNames,
    sensors: sensors.map(({ name }) => name),
    pii: (text) => pii?.redactText(text) ?? text,
  })
}

/** The secret of pseudonyms; made where there is none, so that names stay the same from one document to the next. */
export function redactionKey(app: App): Uint8Array {
  const folder = keyFolder(app.settings)
  const path = join(folder, KEY_FILE)
  try {
    if (!existsSync(path)) {
      makeFolder(folder)
      writeFileSync(path, `${randomBytes(KEY_BYTES).toString('hex')}\n`, {
        mode: 0o600,
        flag: 'wx',
      })
    }
    const key = Buffer.from(readFileSync(path, 'utf8').trim(), 'hex')
    if (key.length === KEY_BYTES) return key
    throw new Error(`${key.length} bytes`)
  } catch (cause) {
    throw new ExportError('REDACT_KEY_UNREADABLE', `The file ${path} holds no key.`, {
      hint: 'Restore it from your backup, or move it away: pseudonyms are then others from now on.',
      cause,
    })
  }
}
