import { writeFileSync } from 'node:fs'
import { UsageError } from '../core/errors.ts'
import { ownText } from '../core/event.ts'

/**
 * Writes a result into a new file that its owner alone can read. A file that is there is never written over.
 *
 * @throws UsageError
 */
export function writeResultFile(path: string, content: string | Uint8Array): void {
  try {
    writeFileSync(path, content, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    throw new UsageError(
      'USAGE_BAD_OPTION',
      code === 'EEXIST'
        ? 'The file of --output is there already.'
        : `The file of --output cannot be written (${code}).`,
      {
        hint: 'Name a new file in a folder that is there and may be written.',
        context: { code: ownText(code) },
      },
    )
  }
}
