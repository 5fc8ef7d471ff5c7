/** What an evidence package is made with, from the parts of the program. */
import { existsSync } from 'node:fs'
import type { ExportOptions } from '../evidence/export.ts'
import { sessionText } from '../report/session-json.ts'
import { type App, type Store, signingKeyPath } from './app.ts'
import { writerVersions } from './load.ts'
import { VERIFIER } from './program.ts'

/** @param who - the actor as the journal names them, and whether they may */
export async function exportOptions(
  app: App,
  store: Store,
  who: Pick<ExportOptions, 'actor' | 'isAllowed' | 'reason'>,
): Promise<ExportOptions> {
  const { loadVerifier } = await import('../evidence/verifier.ts')
  return {
    ...who,
    privateKeys: await app.privateKeys(),
    nowUs: app.clock(),
    programVersion: app.programVersion,
    verifier: loadVerifier(VERIFIER),
    sessionText,
    sign: existsSync(signingKeyPath(app.settings)) ? () => sign(app, store) : undefined,
  }
}

async function sign(app: App, store: Store): Promise<void> {
  const key = await app.prepare(store)
  const writer = store.writer(await writerVersions(app))
  try {
    await writer.checkpoint(key, app.signal)
  } finally {
    await writer.close()
  }
}
