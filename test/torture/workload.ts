/** A simulated Cowrie: who writes lines, in what pieces, and the world it does so in. */
import { Random } from '../../src/synth/random.ts'
import {
  SimulatedClock,
  SimulatedFiles,
  type SimulationOptions,
  type WriterFile,
} from './simulated-files.ts'
import { Truth } from './truth.ts'

/** Where logs lie in the simulated file system. */
export const LOGS = '/logs'

/** 2026-05-20T00:00:00Z: when the play begins. */
const BEGINS_MS = Date.UTC(2026, 4, 20)
/** The first event; its time has nothing to do with that of the files. */
const FIRST_EVENT_MS = Date.UTC(2026, 4, 10)

export type WorldOptions = Partial<Omit<SimulationOptions, 'clock' | 'random'>>

/** Files, time and lines of one play. */
export class World {
  readonly clock: SimulatedClock = new SimulatedClock(BEGINS_MS)
  readonly truth: Truth = new Truth()
  readonly random: Random
  readonly files: SimulatedFiles
  #events = 0

  constructor(seed: number, options: WorldOptions = {}) {
    this.random = new Random(seed, 'world')
    this.files = new SimulatedFiles({
      clock: this.clock,
      random: new Random(seed, 'files'),
      granularityNs: options.granularityNs ?? 4_000_000n,
      watches: options.watches ?? 'prompt',
      shortReads: options.shortReads ?? 0,
    })
    this.files.makeFolder(LOGS)
  }

  /** A log of one sensor in the folder of logs. */
  log(name: string, sensor = 'sensor-1'): CowrieLog {
    return new CowrieLog(this, `${LOGS}/${name}`, sensor)
  }

  /** Makes the next event, as a line without its end, and notes that it will be written. */
  line(sensor: string, isLong = false): string {
    const { random } = this
    this.#events += 1
    const at = new Date(FIRST_EVENT_MS + this.#events * 1_001).toISOString().replace('Z', '')
    const common = {
      sensor,
      timestamp: `${at}${String(this.#events % 1000).padStart(3, '0')}Z`,
      src_ip: `198.51.100.${random.between(1, 254)}`,
      session: (0xa00000000000 + Math.floor(this.#events / 3)).toString(16),
    }
    const text = isLong ? random.text(random.between(1_000, 150_000), WORDS) : random.pick(TEXTS)
    const event = random.pick([
      { eventid: 'cowrie.login.failed', username: random.pick(TEXTS), password: text, ...common },
      { eventid: 'cowrie.command.input', input: text, message: `CMD: ${text}`, ...common },
      { eventid: 'cowrie.session.connect', src_port: random.between(1_024, 65_535), ...common },
      { eventid: 'cowrie.session.closed', duration: random.between(1, 900) / 4, ...common },
    ])
    const line = JSON.stringify(isLong ? { ...event, input: text } : event)
    this.truth.wrote(line)
    return line
  }
}

const WORDS = 'abcdefghij klmnop'
const TEXTS = [
  'root',
  'admin',
  'uname -a',
  'ls -la /tmp',
  'пароль',
  '密码',
  'echo "🐚 ~ü"',
  'a\\"b',
  '',
]

/** Cowrie with its log: it keeps the file open until it is told to open the name again. */
export class CowrieLog {
  readonly world: World
  readonly path: string
  readonly #sensor: string
  #file: WriterFile | undefined
  /** The rest of a line of which a part is written. */
  #rest: Uint8Array = new Uint8Array(0)

  constructor(world: World, path: string, sensor: string) {
    this.world = world
    this.path = path
    this.#sensor = sensor
  }

  /** Logs so many events, a few of them odd: blank lines, a line twice, a long one. */
  log(count: number): void {
    const { random } = this.world
    let text = ''
    for (let i = 0; i < count; i += 1) {
      const line = this.world.line(this.#sensor, random.chance(0.01))
      text += `${line}\n`
      if (random.chance(0.04)) text += random.pick(['\n', '\r\n', '  \n'])
      if (random.chance(0.03)) {
        this.world.truth.wrote(line)
        text += `${line}\n`
      }
    }
    this.write(text)
  }

  /** Writes the first part of a line only. */
  beginLine(): void {
    // Cut at any byte, also within a character.
    const line = Buffer.from(`${this.world.line(this.#sensor)}\n`)
    const cut = this.world.random.between(1, line.length - 3)
    this.write(line.subarray(0, cut))
    this.#rest = line.subarray(cut)
  }

  /** Writes the rest of the line that was begun. */
  endLine(): void {
    this.write(this.#rest)
    this.#rest = new Uint8Array(0)
  }

  /** The rest of the line that was begun never comes. */
  dropLine(): void {
    this.#rest = new Uint8Array(0)
  }

  /** An event whose line has no end. */
  logWithoutEnd(): void {
    this.write(this.world.line(this.#sensor))
  }

  write(bytes: string | Uint8Array): void {
    this.#opened().append(bytes)
  }

  /** Next events as text, for who writes them in another way. */
  lines(count: number): string {
    return Array.from({ length: count }, () => `${this.world.line(this.#sensor)}\n`).join('')
  }

  /** The same, logged once more. */
  again(text: string): string {
    for (const line of text.split('\n')) if (line !== '') this.world.truth.wrote(line)
    return text
  }

  /** Closes the file; the next line goes to whatever has the name then. */
  reopen(): void {
    this.#file?.close()
    this.#file = undefined
  }

  #opened(): WriterFile {
    this.#file ??= this.world.files.open(this.path)
    return this.#file
  }
}
