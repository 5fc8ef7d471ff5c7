import type { Kysely } from 'kysely'
import type { Engine } from '../engine.ts'
import type { Database } from '../schema.ts'

const NAMING = [
  'cowrie.log.closed',
  'cowrie.log.open',
  'cowrie.session.file_download',
  'cowrie.session.file_upload',
]

/** Hashes and file names under which events speak of tty logs, downloads and uploads. */
export async function artifactNames(
  query: Kysely<Database>,
  engine: Engine,
): Promise<ReadonlySet<string>> {
  const rows = await query
    .selectFrom('raw_events')
    .where('kind_id', 'in', (e) =>
      e.selectFrom('event_kinds').where('name', 'in', NAMING).select('id'),
    )
    .select([
      engine.jsonText('shasum').as('shasum'),
      engine.jsonText('ttylog').as('ttylog'),
      engine.jsonText('outfile').as('outfile'),
    ])
    .distinct()
    .execute()
  const names = new Set<string>()
  for (const row of rows) {
    const path = row.ttylog ?? row.outfile
    const name = row.shasum ?? (path === null ? undefined : path.slice(path.lastIndexOf('/') + 1))
    if (name !== undefined && name !== '') names.add(name)
  }
  return names
}
