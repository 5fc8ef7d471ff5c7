/** A store of the red team's own, and commands run over it with what they say caught instead of printed. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { paintWith } from '../../core/terminal.ts'
import { type App, createApp, type Store } from '../app.ts'
import type { Command, OptionValues } from '../command.ts'
import { ingestBulk } from '../commands/ingest-bulk.ts'
import { jsonText, type Output } from '../output.ts'

/** What a command said. */
export type Said = {
  /** Results for people, one after the other. */
  readonly text: string
  /** Results of `--json`. */
  readonly json: readonly string[]
  /** Lines of `--jsonl`. */
  readonly lines: readonly string[]
  /** Standard error. */
  readonly notes: readonly string[]
  readonly progress: readonly string[]
}

/** So wide that nothing is folded: a payload has as many lines as the harmless word in its twin. */
const COLUMNS = 100_000

/** A folder for logs and stores, gone when it is closed. */
export class Bench implements Disposable {
  readonly folder: string
  readonly #app: App
  #stores = 0

  constructor(app: App) {
    // Compiled once: the commands of a real run are processes of their own.
    let rules: ReturnType<App['ruleSet']> | undefined
    const ruleSet = (): ReturnType<App['ruleSet']> => {
      rules ??= app.ruleSet()
      return rules
    }
    this.#app = { ...app, ruleSet }
    this.folder = mkdtempSync(join(tmpdir(), 'nacre-redteam-'))
  }

  /** A new store, as empty as the operator's first. @param holdHazard - hazard from which events are withheld */
  async open(holdHazard: number): Promise<Bed> {
    this.#stores += 1
    const data = join(this.folder, `store-${this.#stores}`)
    mkdirSync(data, { mode: 0o700 })
    return Bed.open(this.#app, data, holdHazard)
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** One store of the bench. */
export class Bed implements AsyncDisposable {
  readonly store: Store
  readonly data: string
  readonly #app: App

  private constructor(app: App, data: string, store: Store) {
    this.#app = app
    this.data = data
    this.store = store
  }

  static async open(app: App, data: string, holdHazard: number): Promise<Bed> {
    const made = createApp({
      ...app,
      settings: {
        ...app.settings,
        data,
        statusFolder: join(data, 'status'),
        store: `sqlite:${join(data, 'nacre.db')}`,
        jobs: 1,
        cacheSize: 8_192,
        synchronous: 'normal',
        holdHazard,
        emergencyTriggers: new Set(),
        // What is looked at is what the outputs do to the texts, not who may read the sealed bytes.
        encrypt: false,
        privateKey: '',
        evidenceActors: [],
        piiDetectors: [],
        piiPlugins: [],
        geoDatabases: [],
        sensors: {},
        // Nobody is told of what a red team wrote.
        alerts: { ...app.settings.alerts, webhook: '', mailTo: [], command: '' },
      },
    })
    const own: App = { ...made, ruleSet: app.ruleSet }
    const store = await own.openOther(own.settings.store, 'create')
    await own.prepare(store)
    return new Bed(own, data, store)
  }

  /** Loads files as "nacre ingest bulk" does. */
  load(paths: readonly string[]): Promise<Said> {
    return this.run(ingestBulk, paths)
  }

  /** Runs a command over the store. Errors of the command are thrown. */
  async run(command: Command, args: readonly string[], options: OptionValues = {}): Promise<Said> {
    const caught = new Caught()
    const shared = sharedStore(this.store)
    const own = this.#app
    await command.run(
      {
        ...own,
        out: caught,
        command: command.name,
        openStore: async () => shared,
      },
      args,
      options,
    )
    return caught.said()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.close()
  }
}

/** Takes everything in the way that `createOutput` prints it. */
export class Caught implements Output {
  readonly format = 'json'
  readonly paint = paintWith(false)
  readonly width = COLUMNS
  readonly #texts: string[] = []
  readonly #json: string[] = []
  readonly #lines: string[] = []
  readonly #notes: string[] = []
  readonly #progress: string[] = []

  result: Output['result'] = (value, render) => {
    this.#json.push(jsonText(value))
    this.#texts.push(render().text)
  }
  document: Output['document'] = (document) => {
    this.#texts.push(document.text)
  }
  piece: Output['piece'] = async (document) => {
    this.document(document)
  }
  line: Output['line'] = async (value) => {
    this.#lines.push(jsonText(value))
  }
  note: Output['note'] = (text) => {
    this.#notes.push(text.text)
  }
  progress: Output['progress'] = (text) => {
    this.#progress.push(text.text)
  }

  said(): Said {
    return {
      text: this.#texts.join('\n'),
      json: this.#json,
      lines: this.#lines,
      notes: this.#notes,
      progress: this.#progress,
    }
  }
}

/** The store, which a command that thinks it its own does not close. */
function sharedStore(store: Store): Store {
  return new Proxy(store, {
    get(target, name) {
      if (name === 'close') return async () => {}
      // Private fields are those of the store itself, not of what stands before it.
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
