import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ownLines } from '../../output/encode/terminal.ts'
import { keyFolder, makeFolder, signingKeyPath } from '../app.ts'
import { type Command, EXIT } from '../command.ts'

const TEMPLATE = `# Settings of nacre. Every line may be left out; "nacre config explain" shows each value and where it comes from.
# jobs = 1

# [sqlite]
# cache_size = -64000      # KiB when negative
# synchronous = "normal"   # or "full"

# [review]
# hold_hazard = 96          # 90 holds every deliberate attack on a reader, 101 nothing

# [pii]
# detectors = ""            # "email,phone,card" takes them out of the view

# Sensor of the logs below a path, where the events do not name one.
# [sensors]
# "/var/log/cowrie/lyon" = "lyon-1"

# Sensors that are reported on together: nacre report daily --group france
# [groups]
# france = ["lyon-1", "paris-1"]
`

export const init: Command = {
  name: 'init',
  summary: 'Make the data folder: configuration, keys, database',
  arguments: '',
  argumentCount: [0, 0],
  options: {},
  examples: ['init', 'init --data /srv/nacre'],
  description:
    'With a store on a server, the folder holds configuration and key, and the tables are made there. Optional: a load makes what is missing. A second call changes nothing. The folder is readable by its owner alone.',
  async run(app) {
    makeFolder(app.settings.data)
    const config = join(app.settings.data, 'nacre.toml')
    const hadConfig = existsSync(config)
    if (!hadConfig) writeFileSync(config, TEMPLATE, { mode: 0o600 })
    const hadKey = existsSync(signingKeyPath(app.settings))
    const store = await app.openStore('create')
    try {
      const key = await app.prepare(store)
      const recipient = app.settings.encrypt ? await app.recipient(store) : undefined
      const result = {
        data: app.settings.data,
        store: store.place,
        config,
        signingKey: key.keyId,
        recipientKey: recipient?.recipient.keyId ?? null,
        schemaVersion: store.schemaVersion,
        mode: store.mode,
      }
      app.out.result(result, () =>
        ownLines(
          [
            `${hadConfig ? 'Found' : 'Made'} ${config}`,
            `${hadKey ? 'Found' : 'Made'} the signing key ${key.keyId}`,
            ...(recipient === undefined
              ? []
              : [
                  `${recipient.made ? 'Made' : 'Found'} the key of sealed bytes ${recipient.recipient.keyId}: copy ${keyFolder(app.settings)} to a safe place`,
                ]),
            `The database is ready: schema version ${store.schemaVersion}, ${store.mode}`,
            '',
            'Next: nacre ingest bulk PATH',
          ].join('\n'),
        ),
      )
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}
