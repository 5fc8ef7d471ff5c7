import type { Command } from '../command.ts'
import { ingestBulk } from './ingest-bulk.ts'

/** All commands, in the order of the help. */
export const COMMANDS: readonly Command[] = [ingestBulk]
