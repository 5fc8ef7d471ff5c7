import { terminal } from '../output/encode/terminal.ts'
import type { Verdict } from '../pipeline/verify.ts'
import type { VerifyReads } from '../store/verify-port.ts'
import type { App } from './app.ts'

/** Verifies a whole store, with progress. */
export async function verdictOf(
  app: App,
  reads: VerifyReads,
  schemaVersion: number,
): Promise<Verdict> {
  const { verifyStore } = await import('../pipeline/verify.ts')
  const { MIGRATIONS } = await import('../store/migrations/index.ts')
  return verifyStore(reads, {
    registry: await app.registry(),
    rules: await app.ruleSet(),
    privateKeys: await app.privateKeys(),
    knownMigrations: MIGRATIONS.slice(0, schemaVersion),
    signal: app.signal,
    progress: (batches, total) =>
      app.out.progress(terminal`verifying batch ${batches} of ${total}`),
  })
}

/** The problems of a whole store, each with its section; empty when it verifies. */
export async function verifyAll(
  app: App,
  reads: VerifyReads,
  schemaVersion: number,
): Promise<readonly string[]> {
  const verdict = await verdictOf(app, reads, schemaVersion)
  return (['conservation', 'seals', 'view', 'summaries', 'journal'] as const).flatMap((name) =>
    verdict[name].problems.map((text) => `${name}: ${text}`),
  )
}
