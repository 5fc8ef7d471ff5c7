import { closeSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { OutputError, UsageError } from '../core/errors.ts'

/**
 * Writes a result into a file that its owner alone can read. Never through a link that someone laid there: a new file,
 * or, when it is forced, one that takes the place of the old. What did not come to its end is taken away again.
 *
 * @throws UsageError; OutputError
 */
export function writeNew(path: string, content: string | Uint8Array, isForced: boolean): void {
  const target = isForced ? `${path}.${process.pid}.partial` : path
  let file: number
  try {
    file = openSync(target, 'wx', 0o600)
  } catch (cause) {
    throw cannotWrite(path, cause)
  }
  try {
    try {
      writeFileSync(file, content)
    } finally {
      closeSync(file)
    }
    if (isForced) renameSync(target, path)
  } catch (cause) {
    rmSync(target, { force: true })
    throw brokenOff(path, cause)
  }
}

/**
 * Writes what comes piece by piece into a new file that its owner alone can read. The file is made before the first
 * piece is asked for, and taken away again when a piece fails.
 *
 * @throws UsageError; OutputError; what the pieces throw
 */
export async function writeNewFrom(
  path: string,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  const file = await open(path, 'wx', 0o600).catch((cause: unknown) => {
    throw cannotWrite(path, cause, '')
  })
  try {
    for await (const piece of pieces) await toDisk(path, file.writeFile(piece))
    await toDisk(path, file.sync())
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

async function toDisk(path: string, done: Promise<void>): Promise<void> {
  await done.catch((cause: unknown) => {
    throw brokenOff(path, cause)
  })
}

/** Says that a result did not get to its end, when what there was of it is gone. @param cause - what the system said */
export function brokenOff(path: string, cause: unknown): OutputError {
  return new OutputError('OUTPUT_BROKEN_OFF', `${path} could not be written to its end.`, {
    hint: 'Look at the free space of its disk (and at quotas), then run the same command again; nothing is left of the file.',
    cause,
  })
}
