/** Commands whose output is worked out: one row each. */
import { base64 } from './base64.ts'
import { cat } from './cat.ts'
import { echo } from './echo.ts'
import type { Filter } from './filter.ts'
import { gunzip } from './gzip.ts'
import { xxd } from './hex.ts'
import { printf } from './printf.ts'
import { rev, tac } from './rev.ts'
import { script } from './script.ts'
import { sed } from './sed.ts'
import { tr } from './tr.ts'

const ROWS: readonly Filter[] = [base64, cat, echo, gunzip, printf, rev, script, sed, tac, tr, xxd]

export const FILTERS: ReadonlyMap<string, Filter> = new Map(
  ROWS.flatMap((filter) => filter.names.map((name) => [name, filter])),
)
