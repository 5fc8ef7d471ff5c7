import { statSync } from 'node:fs'
import { userInfo } from 'node:os'
import type { Settings } from '../config/settings.ts'
import { UsageError } from '../core/errors.ts'
import type { OptionValues } from './command.ts'

/** Who runs this command, as the journal names them: the user of the operating system. */
export function actorName(): string {
  try {
    return userInfo().username
  } catch {
    // A user without an entry in the system's list, as in some containers.
    return `uid ${process.getuid?.() ?? 'unknown'}`
  }
}

/** Whether the user may reveal sealed bytes: one of those named in the settings, else the owner of the data folder. */
export function mayReveal(settings: Settings, actor: string): boolean {
  if (settings.evidenceActors.length > 0) return settings.evidenceActors.includes(actor)
  const uid = process.getuid?.()
  return uid === undefined || statSync(settings.data).uid === uid
}

/** @param where - that it is kept, for who forgot it. @throws UsageError when none is given */
export function reasonOption(options: OptionValues, where = 'in the journal'): string {
  const reason = options['reason']
  if (typeof reason === 'string' && reason.trim() !== '') return reason.trim()
  throw new UsageError('USAGE_BAD_OPTION', 'A decision needs a reason.', {
    hint: `Say why with --reason TEXT; it is kept ${where}.`,
  })
}

/** A whole number given as an argument. @throws UsageError */
export function numberArgument(value: string, what: string): number {
  if (/^\d{1,15}$/.test(value)) return Number(value)
  throw new UsageError('USAGE_BAD_ARGUMENT', `"${value.slice(0, 40)}" is no ${what}.`, {
    hint: 'Write a whole number.',
  })
}

/** The option for a reason, the same in every command that decides. */
export const REASON_OPTION = {
  type: 'string',
  value: 'TEXT',
  help: 'why; kept in the journal',
} as const
