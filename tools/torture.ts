// Follows logs that are rotated, cut short, rewritten and lost sight of in every way, and counts what is lost or doubled.
//
//   npm run torture -- --runs 2000 --seed 1 [--engine sqlite|postgres] [--case NAME]
//   npm run torture -- --live 60 [--engine sqlite|postgres]      real files and processes, for so many minutes
//
// Each run has its own seed: a failing one is told with the command that performs it again.
import { parseArgs } from 'node:util'
import { ENGINES } from '../test/support/engines.ts'
import { CASES, isRight, performanceOf } from '../test/torture/campaign.ts'
import { type Outcome, perform } from '../test/torture/stage.ts'

type Row = {
  runs: number
  lines: number
  lost: number
  doubled: number
  invented: number
  duplicates: number
  kills: number
  failed: number
  ms: number
}

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    engine: { type: 'string', default: 'sqlite' },
    case: { type: 'string' },
    live: { type: 'string' },
  },
})

if (values.live !== undefined) {
  const { tortureLive } = await import('./torture-live.ts')
  process.exitCode = await tortureLive({
    minutes: Number(values.live),
    seed: Number(values.seed),
    engine: values.engine,
  })
} else process.exitCode = await campaign()

async function campaign(): Promise<number> {
  const engine = ENGINES.find(({ name }) => name === values.engine)
  if (engine === undefined) throw new Error(`There is no engine "${values.engine}".`)
  if (engine.missing !== false) throw new Error(engine.missing)
  const cases = values.case === undefined ? CASES : [values.case]
  const rows = new Map<string, Row>()
  const [runs, first] = [Number(values.runs), Number(values.seed)]
  for (let run = 0; run < runs; run += 1) {
    const name = cases[run % cases.length]!
    const seed = first + Math.floor(run / cases.length)
    const row = rows.get(name) ?? noRow()
    rows.set(name, row)
    const began = performance.now()
    let fault: string | undefined
    try {
      const outcome = await perform(performanceOf(seed, name, engine))
      add(row, outcome)
      if (!isRight(outcome)) fault = faultsOf(outcome)
    } catch (error) {
      fault = error instanceof Error ? (error.stack ?? error.message) : String(error)
    }
    row.ms += performance.now() - began
    row.runs += 1
    if (fault === undefined) continue
    row.failed += 1
    console.log(
      `${fault}\n  npm run torture -- --runs 1 --seed ${seed} --engine ${engine.name} --case ${name}\n`,
    )
  }
  await engine.end?.()
  return report(rows)
}

function noRow(): Row {
  return {
    runs: 0,
    lines: 0,
    lost: 0,
    doubled: 0,
    invented: 0,
    duplicates: 0,
    kills: 0,
    failed: 0,
    ms: 0,
  }
}

function add(row: Row, outcome: Outcome): void {
  row.lines += outcome.lines
  row.lost += outcome.lost.length
  row.doubled += outcome.doubled.length
  row.invented += outcome.invented.length
  row.duplicates += outcome.duplicates
  row.kills += outcome.kills
}

function faultsOf({ lost, doubled, invented, problems }: Outcome): string {
  const counts = `lost ${lost.length}, doubled ${doubled.length}, invented ${invented.length}`
  return [counts, ...lost.slice(0, 2), ...invented.slice(0, 2), ...problems.slice(0, 3)]
    .join('\n  ')
    .slice(0, 2_000)
}

/** @returns the exit status */
function report(rows: ReadonlyMap<string, Row>): number {
  const sum = noRow()
  console.log(
    `${'case'.padEnd(26)}${['runs', 'lines', 'lost', 'doubled', 'invented', 'read again', 'killed', 'ms a run'].map((head) => head.padStart(11)).join('')}  verdict`,
  )
  const line = (name: string, row: Row): string => {
    const cells = [
      row.runs,
      row.lines,
      row.lost,
      row.doubled,
      row.invented,
      row.duplicates,
      row.kills,
    ]
    const ms = (row.ms / Math.max(1, row.runs)).toFixed(0)
    const verdict = row.failed === 0 ? 'right' : `${row.failed} wrong`
    return `${name.padEnd(26)}${[...cells, ms].map((cell) => String(cell).padStart(11)).join('')}  ${verdict}`
  }
  for (const [name, row] of rows) {
    console.log(line(name, row))
    for (const key of Object.keys(sum) as (keyof Row)[]) sum[key] += row[key] // the keys of Row
  }
  console.log(line('all', sum))
  return sum.failed === 0 ? 0 : 1
}
