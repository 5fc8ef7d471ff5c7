import { ConfigError } from '../core/errors.ts'
import { ownText } from '../core/event.ts'
import { badValue } from './load.ts'

/**
 * The secret that a setting refers to: `env:NAME` or `file:PATH`. A secret itself does not stand in a setting, where
 * `config explain` and backups of the file would show it.
 *
 * @param readFile - gives the text of a file, or throws
 * @returns undefined for an empty setting
 * @throws ConfigError `CONFIG_BAD_VALUE`, `CONFIG_NO_SECRET`
 */
export function readSecret(
  setting: string,
  reference: string,
  environment: Readonly<Record<string, string | undefined>>,
  readFile: (path: string) => string,
): string | undefined {
  if (reference === '') return undefined
  const [, kind, name] = /^(env|file):(.+)$/.exec(reference) ?? []
  // What was given may be the secret itself: it is not repeated.
  if (kind === undefined || name === undefined)
    throw badValue(setting, '(withheld)', 'env:NAME or file:PATH')
  const found = kind === 'env' ? environment[name] : tried(() => readFile(name))
  // Files of secrets end with a line feed, which belongs to none.
  const secret = found?.replace(/\r?\n$/, '')
  if (secret !== undefined && secret !== '') return secret
  throw new ConfigError(
    'CONFIG_NO_SECRET',
    `${setting} refers to ${kind === 'env' ? `the environment variable ${name}` : `the file ${name}`}, and there is nothing in it.`,
    {
      hint:
        kind === 'env'
          ? 'Set the variable for this process, or name another one.'
          : 'Look at the path, and whether this user may read the file.',
      context: { setting: ownText(setting) },
    },
  )
}

function tried(read: () => string): string | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
