import type { Client, ClientPool } from './clients.ts'
import type { CommandPool } from './commands.ts'
import type { Credential, CredentialPool } from './credentials.ts'
import type { Dialect } from './dialect.ts'
import type { FilePool } from './files.ts'
import type { HostileField, HostileValues } from './hostile.ts'
import { type Random, WeightedIndex } from './random.ts'
import type { Happening, SessionEvent, Target, TelnetOption } from './session.ts'
import { makeText, type Text } from './text.ts'

/** The values that sessions are made of. */
export type Pools = {
  readonly clients: ClientPool
  readonly credentials: CredentialPool
  readonly commands: CommandPool
  readonly files: FilePool
  readonly hostile: HostileValues
}

/** What one attacker does, with instants counted from the connection. */
export type Plan = {
  readonly protocol: 'ssh' | 'telnet'
  readonly client: Client
  readonly events: readonly SessionEvent[]
}

/**
 * What sessions are about, with their weights. Tuned so that sessions have a median of 5,
 * a 95th percentile of 16 and a 99th of 31 events, and so that the mix of events is near that
 * of public logs; `docs/synth.md` states what comes out.
 */
const PURPOSES: readonly (readonly [purpose: keyof typeof STEPS, weight: number])[] = [
  ['knock', 175],
  ['greet', 62],
  ['guess', 400],
  ['guessMany', 104],
  ['siege', 4],
  ['probe', 80],
  ['work', 48],
  ['drop', 32],
  ['forward', 20],
  ['upload', 8],
  ['offerKey', 8],
  ['telnetKnock', 14],
  ['telnetGuess', 92],
  ['telnetWork', 26],
]

const SECOND = 1_000_000
const EMPTY_FILE = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
const ARCHS = [
  'linux-x64-lsb',
  'linux-x64-lsb',
  'linux-x64-lsb',
  'bsd-aarch64-lsb',
  'linux-arm-lsb',
]
const SIZES: readonly (readonly [number, number])[] = [
  [80, 24],
  [120, 40],
  [237, 61],
  [0, 0],
  [80, 40],
]
const VARIABLES: readonly (readonly [name: string, value: Text])[] = [
  ['LANG', makeText('en_US.UTF-8')],
  ['LC_ALL', makeText('C')],
  ['LANG', makeText('C.UTF-8')],
  ['LC_TERMINAL', makeText('iTerm2')],
  ['COLORTERM', makeText('truecolor')],
]
const OPTIONS: readonly TelnetOption[] = [
  { command: 'WILL', name: 'TERMINAL-TYPE', byte: 24 },
  { command: 'WILL', name: 'NAWS', byte: 31 },
  { command: 'WONT', name: 'LINEMODE', byte: 34 },
  { command: 'DO', name: 'ECHO', byte: 1 },
  { command: 'DO', name: 'SGA', byte: 3 },
  { command: 'WONT', name: 'NEW-ENVIRON', byte: 39 },
]
const TARGETS: readonly Text[] = [
  'ya.example.net',
  'smtp.example.org',
  'www.example.com',
  '192.0.2.55',
  '203.0.113.80',
  'api.example.com',
].map((host) => makeText(host))
const PORTS = [443, 80, 25, 587, 8080, 3389]
const JA4 = ['t12d0605h2_f5ef47b819b7_c73319db52e8', 't13d1516h2_8daaf6152771_e5627efa2ab1']
const LOGIN_DELAY_US = 900_000
const RESULTS_SHARE = 0.08 // of commands: a busybox applet that reports success
const KILLED_SHARE = 0.004 // of sessions: Cowrie stopped before they ended

/** Makes sessions, one at a time. */
export class SessionPlanner {
  readonly #pools: Pools
  readonly #random: Random
  readonly #purposes: WeightedIndex

  constructor(pools: Pools, random: Random) {
    this.#pools = pools
    this.#random = random
    this.#purposes = new WeightedIndex(PURPOSES.map(([, weight]) => weight))
  }

  plan(dialect: Dialect): Plan {
    const [purpose] = PURPOSES[this.#purposes.pick(this.#random)] as (typeof PURPOSES)[number] // as many weights as purposes
    const script = new Script(this.#pools, this.#random, dialect)
    STEPS[purpose](script)
    if (!this.#random.chance(KILLED_SHARE)) script.close()
    return {
      protocol: purpose.startsWith('telnet') ? 'telnet' : 'ssh',
      client: script.client,
      events: script.events,
    }
  }
}

const STEPS = {
  knock(script: Script) {
    script.connect()
    script.pause(20 * SECOND)
  },
  greet(script: Script) {
    script.connect()
    script.greet()
    script.pause(4 * SECOND)
  },
  guess(script: Script) {
    script.handshake()
    script.fail()
  },
  guessMany(script: Script) {
    script.handshake()
    script.failTimes(2, 0.25, 40)
  },
  siege(script: Script) {
    script.handshake()
    script.failTimes(20, 0.03, 500)
  },
  probe(script: Script) {
    script.enter()
    script.openShell(false)
    script.commands(1, 0.9, 3)
    script.closeShell()
  },
  work(script: Script) {
    script.enter()
    script.openShell(true)
    script.commands(3, 0.11, 80)
    script.closeShell()
  },
  drop(script: Script) {
    script.enter()
    script.openShell(false)
    script.commands(1, 0.5, 8)
    script.fetch()
    script.closeShell()
  },
  forward(script: Script) {
    script.enter()
    script.forward()
  },
  upload(script: Script) {
    script.enter()
    script.upload()
  },
  offerKey(script: Script) {
    script.handshake()
    script.offerKey()
    script.pause(SECOND)
  },
  telnetKnock(script: Script) {
    script.connect()
    script.negotiate()
    script.pause(10 * SECOND)
  },
  telnetGuess(script: Script) {
    script.connect()
    script.negotiate()
    script.failTimes(1, 0.45, 12)
  },
  telnetWork(script: Script) {
    script.connect()
    script.negotiate()
    script.succeed()
    script.openShell(false)
    script.commands(5, 0.2, 40)
    script.fetch()
    script.closeShell()
  },
} as const satisfies Record<string, (script: Script) => void>

/** The events of one session as they come together. */
class Script {
  readonly events: SessionEvent[] = []
  readonly client: Client
  readonly #pools: Pools
  readonly #random: Random
  readonly #dialect: Dialect
  #atUs = 0

  constructor(pools: Pools, random: Random, dialect: Dialect) {
    this.#pools = pools
    this.#random = random
    this.#dialect = dialect
    this.client = pools.clients.pick(random, dialect.name === 'legacy')
  }

  pause(meanUs: number): void {
    this.#atUs += Math.floor(this.#random.wait(meanUs))
  }

  connect(): void {
    this.events.push({ what: { eventid: 'cowrie.session.connect' }, atUs: 0 })
  }

  greet(): void {
    const version = this.#hostile(this.client.version, 'version', this.#dialect.escapesBytes)
    this.#add(60_000, { eventid: 'cowrie.client.version', version })
  }

  /** Connection, greeting and key exchange; junk clients never get to the latter. */
  handshake(): void {
    this.connect()
    this.greet()
    if (this.client.kex !== undefined) this.#add(40_000, { eventid: 'cowrie.client.kex' })
  }

  fail(): void {
    this.#add(LOGIN_DELAY_US, { eventid: 'cowrie.login.failed', credential: this.#credential() })
  }

  /** At least `least` attempts, each followed by another until `stop` comes true, at most `most`. */
  failTimes(least: number, stop: number, most: number): void {
    for (let i = 0; i < most && (i < least || !this.#random.chance(stop)); i += 1) this.fail()
  }

  succeed(): void {
    if (this.#random.chance(0.25)) this.fail()
    this.#add(LOGIN_DELAY_US, { eventid: 'cowrie.login.success', credential: this.#credential() })
  }

  enter(): void {
    this.handshake()
    this.succeed()
  }

  openShell(interactive: boolean): void {
    const random = this.#random
    if (interactive && random.chance(0.6)) {
      const [width, height] = random.pick(SIZES)
      this.#add(30_000, { eventid: 'cowrie.client.size', width, height })
      const [name, ordinary] = random.pick(VARIABLES)
      const value = this.#hostile(ordinary, 'variable')
      this.#add(5_000, { eventid: 'cowrie.client.var', name, value })
    }
    this.#add(50_000, { eventid: 'cowrie.session.params', arch: random.pick(ARCHS) })
  }

  commands(least: number, stop: number, most: number): void {
    const random = this.#random
    const typist = random.chance(0.2) // a person thinks between lines, a script does not
    for (let i = 0; i < most && (i < least || !random.chance(stop)); i += 1) {
      const command = this.#pools.commands.pick(random)
      const input = this.#hostile(command.input, 'command')
      this.#add(typist ? 6 * SECOND : 250_000, { eventid: 'cowrie.command.input', input })
      if (input === command.input && command.failed !== undefined) {
        this.#add(900, { eventid: 'cowrie.command.failed', input: command.failed })
      } else if (random.chance(RESULTS_SHARE)) {
        this.#add(900, { eventid: 'cowrie.command.success', input })
      }
    }
  }

  /** Fetches a file, fails to, or lets the shell write one. */
  fetch(): void {
    const random = this.#random
    const die = random.float()
    if (die < 0.2) {
      const artifact = this.#pools.files.artifact(random)
      const seenBefore = this.#pools.files.seenBefore(artifact)
      this.#add(20_000, {
        eventid: 'cowrie.session.file_download',
        url: undefined,
        artifact,
        seenBefore,
        isLate: false,
      })
      return
    }
    const { url: ordinary, command, artifact } = this.#pools.files.dropper(random)
    this.#add(300_000, { eventid: 'cowrie.command.input', input: command.input })
    const url = this.#hostile(ordinary, 'url')
    if (die < 0.42) {
      this.#add(2 * SECOND, { eventid: 'cowrie.session.file_download.failed', url })
      return
    }
    const seenBefore = this.#pools.files.seenBefore(artifact)
    const isLate = random.chance(0.02)
    this.#add(SECOND, {
      eventid: 'cowrie.session.file_download',
      url,
      artifact,
      seenBefore,
      isLate,
    })
  }

  closeShell(): void {
    if (this.#random.chance(0.08)) return // hung up without a word
    const isEmpty = this.#random.chance(0.1)
    const shasum = isEmpty
      ? EMPTY_FILE
      : Array.from({ length: 8 }, () => this.#random.next().toString(16).padStart(8, '0')).join('')
    const size = isEmpty ? 0 : this.#random.between(20, 9_000)
    this.#add(200_000, { eventid: 'cowrie.log.closed', shasum, size, seenBefore: isEmpty })
  }

  forward(): void {
    const random = this.#random
    const count = random.between(1, 4)
    for (let id = 0; id < count; id += 1) {
      const port = random.pick(PORTS)
      const host = this.#hostile(random.pick(TARGETS), 'target')
      const target: Target = { host, port, claimedPort: random.between(1, 65_535) }
      this.#add(700_000, { eventid: 'cowrie.direct-tcpip.request', target })
      if (random.chance(0.1)) continue
      if (this.#dialect.hasJa4 && port === 443) {
        const ja4 = random.pick(JA4)
        this.#add(30_000, { eventid: 'cowrie.direct-tcpip.ja4', target, ja4 })
      }
      const data = payload(port, host.hostile === undefined ? host.value : 'host.example')
      this.#add(300, { eventid: 'cowrie.direct-tcpip.data', target, id, data })
    }
    this.pause(SECOND)
  }

  upload(): void {
    const count = this.#random.between(1, 2)
    for (let i = 0; i < count; i += 1) {
      const artifact = this.#pools.files.artifact(this.#random)
      const filename = this.#hostile(artifact.name, 'filename')
      this.#add(400_000, { eventid: 'cowrie.session.file_upload', filename, artifact })
    }
  }

  offerKey(): void {
    const { user } = this.#credential()
    const key = this.#random.int(1_000)
    this.#add(LOGIN_DELAY_US, { eventid: 'cowrie.client.fingerprint', user, key })
  }

  negotiate(): void {
    if (!this.#dialect.hasTelnetOptions) return
    const count = this.#random.int(OPTIONS.length + 1)
    for (const option of OPTIONS.slice(0, count)) {
      this.#add(8_000, { eventid: 'cowrie.telnet.option', option })
    }
  }

  /** The end of the connection; a late download comes after it. */
  close(): void {
    const last = this.events.at(-1)?.what
    const late = last?.eventid === 'cowrie.session.file_download' && last.isLate ? last : undefined
    if (late !== undefined) this.events.pop()
    this.#add(250_000, { eventid: 'cowrie.session.closed' })
    if (late !== undefined) this.#add(3 * SECOND, late)
  }

  #add(meanWaitUs: number, what: Happening): void {
    this.#atUs += 150 + Math.floor(this.#random.wait(meanWaitUs))
    this.events.push({ what, atUs: this.#atUs })
  }

  #hostile(ordinary: Text, field: HostileField, asBytes = false): Text {
    return this.#pools.hostile.instead(ordinary, field, asBytes)
  }

  #credential(): Credential {
    const pair = this.#pools.credentials.pick(this.#random)
    const asBytes = this.#dialect.escapesBytes
    const user = this.#hostile(pair.user, 'username', asBytes)
    const password = this.#hostile(pair.password, 'password', asBytes)
    if (user === pair.user && password === pair.password) return pair
    const companion = this.#pools.credentials.companion(this.#random)
    return {
      user: user === pair.user ? companion.user : user,
      password: password === pair.password ? companion.password : password,
    }
  }
}

/** What is sent through a forwarded connection, as Python prints bytes. */
function payload(port: number, host: string): Text {
  switch (port) {
    case 443:
      return makeText(
        "b'\\x16\\x03\\x01\\x00q\\x01\\x00\\x00m\\x03\\x03\\x00\\x01\\x02\\x03\\x04\\x05\\x06\\x07\\x08\\t\\n\\x0b\\x0c\\r\\x0e'",
      )
    case 25:
    case 587:
      return makeText("b'EHLO mail.example.net\\r\\n'")
    case 3389:
      return makeText(
        "b'\\x03\\x00\\x00\\x13\\x0e\\xe0\\x00\\x00\\x00\\x00\\x00\\x01\\x00\\x08\\x00\\x03'",
      )
    default:
      return makeText(
        `b'GET / HTTP/1.1\\r\\nHost: ${host}\\r\\nUser-Agent: curl/7.74\\r\\nAccept: */*\\r\\n\\r\\n'`,
      )
  }
}
