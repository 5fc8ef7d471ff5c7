import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
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

/**
 * Writes what comes piece by piece into a new file that its owner alone can read. The file is made before the first
 * piece is asked for, and taken away again when a piece fails.
 *
 * @throws UsageError; what the pieces throw
 */
export async function writeNewFrom(
  path: string,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  const file = await open(path, 'wx', 0o600).catch((cause: unknown) => {
    throw cannotWrite(path, cause, '')
  })
  try {
    for await (const piece of pieces) await file.writeFile(piece)
    await file.sync()
  } catch (error) {
    rmSync(path, { force: true })
    throw error
  } finally {
    await file.close()
  }
}

/** Why a new file cannot be made, and what to do. @param cause - what the system said */
export function cannotWrite(
  path: string,
  cause: unknown,
  orForce = ', or add --force to replace this one',
): UsageError {
  const isThere = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST'
  return new UsageError(
    'USAGE_BAD_OPTION',
    isThere ? `${path} is there already.` : `${path} cannot be written.`,
    {
      hint: isThere
        ? `Name another file with --output${orForce}.`
        : 'Name a file in a folder that you may write to.',
      cause,
    },
  )
}
