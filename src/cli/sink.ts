/** Where a long result goes piece by piece: a new file of its owner alone, or standard output. */
import { resolve } from 'node:path'
import type { Encoded } from '../core/encoded.ts'
import { terminal } from '../output/encode/terminal.ts'
import type { App } from './app.ts'
import type { OptionValues } from './command.ts'
import { openDraft } from './write-file.ts'

/** Takes a piece when there is room for it; of what a full disk breaks off, nothing stays. @throws OutputError */
export type Write = (piece: Encoded) => Promise<void>

/**
 * Writes a result where `--output` and `--force` say. What is whole is on the disk then, and takes the place of an older
 * file where that was asked for.
 *
 * @param make - gives the pieces, and whether they are the whole result. One that was broken off is kept, but never in
 *   the place of an older file; where it throws, nothing is.
 * @returns whether it is whole
 * @throws UsageError when the file is there already, or cannot be written; OutputError; what `make` throws
 */
export async function writePieces(
  app: App,
  options: OptionValues,
  make: (write: Write) => Promise<boolean>,
): Promise<boolean> {
  const given = options['output']
  if (typeof given !== 'string') return make((piece) => app.out.piece(piece))
  const isForced = options['force'] === true
  const draft = await openDraft(resolve(given), isForced)
  let isWhole: boolean
  try {
    isWhole = await make((piece) => draft.write(piece.text))
  } catch (error) {
    await draft.drop()
    throw error
  }
  const isBeside = !isWhole && isForced
  await (isBeside ? draft.leave() : draft.finish())
  app.out.note(
    isWhole
      ? terminal`Wrote ${terminal.own(given)}.`
      : terminal`Broken off: ${terminal.own(isBeside ? draft.path : given)} holds what came before.`,
  )
  return isWhole
}
