import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { UsageError } from '../core/errors.ts'

/**
 * Writes a result into a file that its owner alone can read. Never through a link that someone laid there: a new file,
 * or, when it is forced, one that takes the place of the old.
 *
 * @throws UsageError
 */
export function writeNew(path: string, content: string | Uint8Array, isForced: boolean): void {
  const target = isForced ? `${path}.${process.pid}.partial` : path
  try {
    writeFileSync(target, content, { mode: 0o600, flag: 'wx' })
    if (isForced) renameSync(target, path)
  } catch (cause) {
    if (isForced) rmSync(target, { force: true })
    throw cannotWrite(path, cause)
  }
}

/** Why a new file cannot be made, and what to do. @param cause - what the system said */
export function cannotWrite(path: string, cause: unknown): UsageError {
  const isThere = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST'
  return new UsageError(
    'USAGE_BAD_OPTION',
    isThere ? `${path} is there already.` : `${path} cannot be written.`,
    {
      hint: isThere
        ? 'Name another file with --output, or add --force to replace this one.'
        : 'Name a file in a folder that you may write to.',
      cause,
    },
  )
}
