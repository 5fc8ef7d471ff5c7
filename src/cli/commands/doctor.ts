import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { OperatingError } from '../../core/errors.ts'
import { bytes } from '../../core/terminal.ts'
import { LIMITS } from '../../limits.ts'
import { terminal } from '../../output/encode/terminal.ts'
import type { Finding, Store } from '../../store/port.ts'
import { type App, isPostgresUrl, keyFolder, signingKeyPath, sqlitePath } from '../app.ts'
import { type Command, EXIT } from '../command.ts'
import { ageDays, isOld, triedDatabases } from '../geo.ts'

export const doctor: Command = {
  name: 'doctor',
  summary:
    'Look for what is wrong with program, folder, disk, keys and database, and say what to do',
  arguments: '',
  argumentCount: [0, 0],
  options: {},
  examples: ['doctor'],
  async run(app) {
    const findings: Finding[] = []
    const add: Add = (state, what, advice = '') => {
      findings.push({ state, what, advice })
    }
    const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
    if (major > 22 || (major === 22 && minor >= 18)) add('ok', `Node ${process.versions.node}`)
    else
      add(
        'wrong',
        `Node ${process.versions.node} is too old`,
        'Run "npm ci" in the folder of nacre: it brings the right one.',
      )
    const { data } = app.settings
    const folder = existsSync(data) ? data : dirname(data)
    try {
      accessSync(folder, constants.R_OK | constants.W_OK)
      add('ok', existsSync(data) ? `data folder ${data}` : `data folder ${data} will be made`)
    } catch {
      add(
        'wrong',
        `data folder ${data} cannot be written`,
        'Look at its owner and permissions, or choose another with --data.',
      )
    }
    if (existsSync(data) && (statSync(data).mode & 0o077) !== 0)
      add('warning', `others can look into ${data}`, `chmod 700 ${data}`)
    if (existsSync(folder)) {
      const { bavail, bsize } = statfsSync(folder)
      const free = bavail * bsize
      if (free < LIMITS.diskFreeBytesMin * 4)
        add(
          'warning',
          `${bytes(free).text} left on the disk`,
          'Loads stop before the disk is full; make room.',
        )
      else add('ok', `${bytes(free).text} left on the disk`)
    }
    const key = signingKeyPath(app.settings)
    if (!existsSync(key)) add('warning', 'no signing key yet', '"nacre init" or a load makes one.')
    else if ((statSync(key).mode & 0o077) !== 0)
      add('warning', `others can read the signing key ${key}`, `chmod 600 ${key}`)
    else add('ok', 'signing key')
    await recipientKeys(keyFolder(app.settings), app.settings.privateKey, add)
    try {
      const rules = await app.ruleSet()
      add('ok', `${rules.definitions.length} rules, set ${rules.version}`)
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error
      add('wrong', error.message, error.hint)
    }
    await placeDatabases(app, add)
    if (isPostgresUrl(app.settings.store)) {
      const { examinePostgres } = await import('../../store/postgres/examine.ts')
      findings.push(...(await examinePostgres(app.settings.store, process.env, app.clock)))
    }
    await database(app.settings.store, findings, add, async () => {
      const store = await app.openStore('read', { mayBeOlder: true })
      try {
        for (const notice of store.notices) add('warning', notice)
        add(
          'ok',
          `database opens: schema version ${store.schemaVersion}, ${store.mode}, ${store.engine} ${store.engineVersion}`,
        )
        const { storeStatus } = await import('../../store/repo/status.ts')
        const found = await storeStatus(store.query)
        const dead = found.deadLetters
          .filter((one) => one.state === 'new')
          .reduce((sum, one) => sum + one.records, 0)
        if (dead > 0)
          add('warning', `${dead} records are dead letters`, '"nacre dlq list" shows the reasons.')
        const { SCHEMA_VERSION } = await import('../../store/migrations/index.ts')
        // An older store has none of the tables that this asks.
        if (store.schemaVersion >= SCHEMA_VERSION) await waiting(store, add)
        else
          add(
            'warning',
            `the schema is older (${store.schemaVersion}, this program has ${SCHEMA_VERSION})`,
            '"nacre db migrate" or a load brings it up to date.',
          )
        const torn = found.sources.filter((one) => one.state === 'torn' || one.state === 'bomb')
        if (torn.length > 0)
          add(
            'warning',
            `${torn.length} sources end broken`,
            'Load a whole copy of them: nacre goes on where the break is.',
          )
        for (const holder of await store.holders())
          add('ok', `${holder.what} (${holder.who}) is writing or waits to`)
      } finally {
        await store.close()
      }
    })
    const wrong = findings.some((one) => one.state === 'wrong')
    app.out.result({ ok: !wrong, findings }, () => {
      const { paint } = app.out
      const signs = {
        ok: paint.green(terminal`✓`),
        warning: paint.yellow(terminal`!`),
        wrong: paint.red(terminal`✗`),
      }
      return terminal.join(
        findings.map(
          (one) =>
            terminal`${signs[one.state]} ${terminal.own(one.what)}${one.advice === '' ? terminal`` : terminal`\n    ${terminal.own(one.advice)}`}`,
        ),
        '\n',
      )
    })
    return wrong ? EXIT.failed : EXIT.ok
  },
}

type Add = (state: Finding['state'], what: string, advice?: string) => void

/** The key that sealed bytes are encrypted to, and the private halves that are here. */
async function recipientKeys(folder: string, extraFile: string, add: Add): Promise<void> {
  const { PRIVATE_FILE, PUBLIC_FILE, prepareRecipient, privateKeys } = await import(
    '../../keys/key-files.ts'
  )
  if (!existsSync(join(folder, PUBLIC_FILE)) && !existsSync(join(folder, PRIVATE_FILE))) {
    add('warning', 'no key of sealed bytes yet', '"nacre init" or a load makes one.')
    return
  }
  try {
    const { recipient } = prepareRecipient(folder)
    const { keys, warnings } = privateKeys(folder, extraFile === '' ? undefined : extraFile)
    for (const warning of warnings) add('warning', warning)
    add(
      'ok',
      keys.has(recipient.keyId)
        ? `key of sealed bytes ${recipient.keyId}, its private half is here: keep a copy elsewhere`
        : `key of sealed bytes ${recipient.keyId}, its private half is not here`,
    )
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error
    add('wrong', error.message, error.hint)
  }
}

/** Files of places, where some are configured: they only add to what is there, so nothing is wrong without them. */
async function placeDatabases(app: App, add: Add): Promise<void> {
  const nowUs = app.clock()
  for (const { path, database, error } of await triedDatabases(app)) {
    if (database === undefined) add('warning', error?.message ?? path, error?.hint ?? '')
    else if (isOld(database, nowUs))
      add(
        'warning',
        `database of places ${path} is ${ageDays(database, nowUs)} days old`,
        'Get a new one from its maker and put it in its place; it is then read by itself.',
      )
    else add('ok', `database of places ${path} knows ${database.facts.join(', ')}`)
  }
}

/** What waits for a person, and whether the emergency mode is on. */
async function waiting(store: Store, add: Add): Promise<void> {
  const { heldBatches } = await import('../../store/repo/held.ts')
  const { emergencyOf } = await import('../../pipeline/emergency.ts')
  const held = (await heldBatches(store.query, true)).reduce((sum, one) => sum + one.waiting, 0)
  if (held > 0)
    add('warning', `${held} events are withheld`, '"nacre quarantine list" shows where.')
  const emergency = await emergencyOf(store.reads())
  if (emergency.state === 'on')
    add(
      'wrong',
      `emergency since ${emergency.since}: everything new is withheld (${emergency.reason})`,
      'docs/operations/quarantine.md says what to do.',
    )
}

async function database(
  url: string,
  findings: readonly Finding[],
  add: Add,
  look: () => Promise<void>,
): Promise<void> {
  try {
    if (isPostgresUrl(url)) {
      // Said already where it cannot be opened, or has nothing in it.
      if (findings.some((one) => one.state === 'wrong' || one.what.startsWith('no tables'))) return
    } else if (!existsSync(sqlitePath(url))) {
      add('ok', 'no database yet; the first load makes it')
      return
    }
    await look()
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error
    add('wrong', error.message, error.hint)
  }
}
