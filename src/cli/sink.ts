/** Where a long result goes piece by piece: a new file of its owner alone, or standard output. */
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Encoded } from '../core/encoded.ts'
import { terminal } from '../output/encode/terminal.ts'
import type { App } from './app.ts'
import type { OptionValues } from './command.ts'
import { brokenOff, cannotWrite } from './write-file.ts'

export type Sink = {
  /** Takes a piece when there is room for it; of what a full disk breaks off, nothing stays. @throws OutputError */
  write(piece: Encoded): Promise<void>
  /**
   * Ends the result. What is whole is on the disk then, and takes the place of an older file where that was asked for.
   *
   * @param isWhole - false for one that was broken off: it stays where it is, and an older file stays, too
   */
  close(isWhole: boolean): Promise<void>
}

/** @param options - `--output` and `--force` @throws UsageError when the file is there already, or cannot be written */
export async function openSink(app: App, options: OptionValues): Promise<Sink> {
  const given = options['output']
  if (typeof given !== 'string')
    return { write: (piece) => app.out.piece(piece), close: async () => {} }
  const path = resolve(given)
  const isForced = options['force'] === true
  const target = isForced ? `${path}.${process.pid}.partial` : path
  const file = await opened(target, path)
  return {
    async write(piece) {
      try {
        await file.appendFile(piece.text)
      } catch (cause) {
        await file.close()
        await rm(target, { force: true })
        throw brokenOff(path, cause)
      }
    },
    async close(isWhole) {
      await file.sync()
      await file.close()
      if (isWhole && isForced) await rename(target, path)
      app.out.note(
        isWhole
          ? terminal`Wrote ${terminal.own(given)}.`
          : terminal`Broken off: ${terminal.own(target)} holds what came before.`,
      )
    },
  }
}

async function opened(target: string, path: string): Promise<FileHandle> {
  try {
    return await open(target, 'wx', 0o600)
  } catch (cause) {
    throw cannotWrite(path, cause)
  }
}
