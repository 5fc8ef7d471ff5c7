/** Results in files: never a short one under the name that was asked for. */
import { randomBytes } from 'node:crypto'
import { lstatSync } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { OutputError, UsageError } from '../core/errors.ts'

/**
 * A result on its way into a file that its owner alone can read. It grows beside the place that it is for, so that
 * whatever ends the process leaves nothing short under the name that was asked for.
 */
export type Draft = {
  /** Where it grows: the name that was asked for, eight digits of chance, `.partial`. */
  readonly path: string
  /** @throws OutputError when the disk takes no more; the draft is gone then */
  write(piece: string | Uint8Array): Promise<void>
  /** Puts it on the disk and in its place. @throws UsageError; OutputError; the draft is gone then */
  finish(): Promise<void>
  /** Puts it on the disk and leaves it where it grew. @throws OutputError; the draft is gone then */
  leave(): Promise<void>
  drop(): Promise<void>
}

/**
 * Begins a result for a new file, or, when it is forced, for one that takes the place of the old. Never through a link
 * that someone laid there.
 *
 * @param orForce - the rest of the hint where a file is there already
 * @throws UsageError when it is, or cannot be written
 */
export async function openDraft(
  path: string,
  isForced: boolean,
  orForce = ', or add --force to replace this one',
): Promise<Draft> {
  const partial = `${path}.${randomBytes(4).toString('hex')}.partial`
  let file: FileHandle
  try {
    // Told before the work rather than after it.
    if (!isForced && lstatSync(path, { throwIfNoEntry: false }) !== undefined)
      throw isThere(path, orForce)
    file = await open(partial, 'wx', 0o600)
  } catch (cause) {
    throw cause instanceof UsageError ? cause : cannotWrite(path, cause)
  }
  const drop = async (): Promise<void> => {
    await file.close().catch(() => {}) // may be closed already
    await rm(partial, { force: true })
  }
  const orDrop = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work()
    } catch (cause) {
      await drop()
      throw cause instanceof UsageError ? cause : brokenOff(path, cause)
    }
  }
  const leave = async (): Promise<void> => {
    await file.sync()
    await file.close()
  }
  return {
    path: partial,
    write: (piece) => orDrop(() => file.writeFile(piece)),
    finish: () =>
      orDrop(async () => {
        await leave()
        // The name is taken first: to rename asks nobody who took it in the meantime.
        if (!isForced) await reserve(path, orForce)
        await rename(partial, path)
      }),
    leave: () => orDrop(leave),
    drop,
  }
}

/** @throws UsageError when something came there in the meantime */
async function reserve(path: string, orForce: string): Promise<void> {
  try {
    await (await open(path, 'wx', 0o600)).close()
  } catch (cause) {
    const isTaken = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST'
    throw isTaken ? isThere(path, orForce) : cause
  }
}

/**
 * Writes a result into a file of its own, or not at all.
 *
 * @throws UsageError; OutputError
 */
export async function writeNew(
  path: string,
  content: string | Uint8Array,
  isForced: boolean,
): Promise<void> {
  const draft = await openDraft(path, isForced)
  await draft.write(content)
  await draft.finish()
}

/**
 * Writes what comes piece by piece into a new file, or nothing. It is known that one can be made before the first piece
 * is asked for.
 *
 * @throws UsageError; OutputError; what the pieces throw
 */
export async function writeNewFrom(
  path: string,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  const draft = await openDraft(path, false, '')
  try {
    for await (const piece of pieces) await draft.write(piece)
  } catch (error) {
    await draft.drop()
    throw error
  }
  await draft.finish()
}

function isThere(path: string, orForce: string): UsageError {
  return new UsageError('USAGE_BAD_OPTION', `${path} is there already.`, {
    hint: `Name another file with --output${orForce}.`,
  })
}

function cannotWrite(path: string, cause: unknown): UsageError {
  return new UsageError('USAGE_BAD_OPTION', `${path} cannot be written.`, {
    hint: 'Name a file in a folder that you may write to.',
    cause,
  })
}

/** Says that a result did not get to its end, when what there was of it is gone. */
function brokenOff(path: string, cause: unknown): OutputError {
  return new OutputError('OUTPUT_BROKEN_OFF', `${path} could not be written to its end.`, {
    hint: 'Look at the free space of its disk (and at quotas), then run the same command again; nothing is left of the file.',
    cause,
  })
}
