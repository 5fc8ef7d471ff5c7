import { LIMITS } from '../../limits.ts'
import { terminal } from '../../output/encode/terminal.ts'
import type { Parts } from '../../web/parts.ts'
import type { App } from '../app.ts'
import { type Command, EXIT } from '../command.ts'
import { runSelf } from '../run-self.ts'

export const serve: Command = {
  name: 'serve',
  summary: 'Open the dashboard and the JSON API on this machine',
  arguments: '',
  argumentCount: [0, 0],
  options: {
    port: { type: 'integer', value: 'N', min: 0, max: 65_535, help: 'port (default 8622)' },
  },
  examples: ['serve', 'serve --port 9000'],
  async run(app, _, options) {
    const { createServer } = await import('../../web/server.ts')
    const store = await app.openStore('write')
    try {
      const server = await createServer(await partsOf(app, store))
      const port = typeof options['port'] === 'number' ? options['port'] : 8622
      const address = await server.listen({ host: '127.0.0.1', port })
      app.out.note(terminal`The dashboard is at ${terminal.own(address)}`)
      if (!app.signal.aborted)
        await new Promise<void>((resolve) =>
          app.signal.addEventListener('abort', () => resolve(), { once: true }),
        )
      await server.close()
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}

async function partsOf(app: App, store: Parts['store']): Promise<Parts> {
  const { SETTINGS, withoutPassword } = await import('../../config/settings.ts')
  return {
    store,
    clock: app.clock,
    rules: await app.ruleSet(),
    registry: await app.registry(),
    data: app.settings.data,
    statusFolder: app.settings.statusFolder,
    programVersion: app.programVersion,
    settings: app.settings.all.map((setting) => ({
      name: setting.name,
      value: String(withoutPassword(setting.value)),
      origin: setting.place === '' ? setting.origin : `${setting.origin} ${setting.place}`,
      meaning: SETTINGS.find((spec) => spec.name === setting.name)!.meaning,
    })),
    privateKeys: () => app.privateKeys(),
    openAgain: () => app.openStore('write', { writerWaitMs: LIMITS.webWriterWaitMs }),
    async reading(again, needs) {
      const { makeStages } = await import('../../pipeline/stages.ts')
      const signingKey = await app.prepare(again)
      return { stages: await makeStages(await app.stagesPlan(again, needs)), signingKey }
    },
    run: (args, signal) =>
      runSelf([...args, '--data', app.settings.data, '--store', app.settings.store], signal),
  }
}
