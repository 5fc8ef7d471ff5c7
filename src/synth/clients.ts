import { createHash } from 'node:crypto'
import { type Random, WeightedIndex } from './random.ts'
import { makeText, type Text } from './text.ts'

/** An SSH client: what it calls itself and what it offers. */
export type Client = {
  readonly version: Text
  /** Absent for what is no SSH client: it gives up before the key exchange. */
  readonly kex: KeyExchange | undefined
}

/** The offers of a client, rendered once: they are the fattest part of a log. */
export type KeyExchange = {
  readonly hassh: Text
  /** Fields from `hassh` to `langCS` of a `cowrie.client.kex`, without blanks. */
  readonly compact: string
  /** The same with a blank after every comma and colon, as Cowrie wrote up to 1.5.3. */
  readonly spaced: string
}

type Offer = readonly [kex: string, key: string, cipher: string, mac: string, compression: string]

const NIST = 'ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521'
const CURVE = 'curve25519-sha256@libssh.org'
const GROUP = 'diffie-hellman-group'
const CTR = 'aes256-ctr,aes192-ctr,aes128-ctr'
const CBC = 'aes256-cbc,aes192-cbc,aes128-cbc'
const GCM = 'aes128-gcm@openssh.com,aes256-gcm@openssh.com'
const ETM = 'hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com'
const SHA2 = 'hmac-sha2-256,hmac-sha2-512'
const HOST_KEYS = 'ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-512,rsa-sha2-256,ssh-rsa'
const ZLIB = 'none,zlib@openssh.com,zlib'

const OFFERS: Readonly<Record<string, Offer>> = {
  oldLibssh: [
    `${CURVE},ecdh-sha2-nistp256,${GROUP}14-sha1,${GROUP}1-sha1`,
    'ssh-ed25519,ecdsa-sha2-nistp256,ssh-rsa,ssh-dss',
    `${CTR},${CBC},blowfish-cbc,3des-cbc,des-cbc-ssh1`,
    'hmac-sha1',
    'none',
  ],
  libssh: [
    `curve25519-sha256,${CURVE},${NIST},${GROUP}18-sha512,${GROUP}16-sha512,${GROUP}-exchange-sha256,${GROUP}14-sha256,${GROUP}14-sha1,ext-info-c`,
    HOST_KEYS,
    `aes256-gcm@openssh.com,aes128-gcm@openssh.com,${CTR}`,
    `${ETM},hmac-sha1-etm@openssh.com,${SHA2},hmac-sha1`,
    'none',
  ],
  go: [
    `${CURVE},${NIST},${GROUP}14-sha256,${GROUP}14-sha1`,
    `ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,ssh-rsa,ssh-dss,ssh-ed25519`,
    'aes128-gcm@openssh.com,chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr',
    'hmac-sha2-256-etm@openssh.com,hmac-sha2-256,hmac-sha1,hmac-sha1-96',
    'none',
  ],
  newGo: [
    `curve25519-sha256,${CURVE},${NIST},${GROUP}14-sha256,${GROUP}14-sha1,ext-info-c,kex-strict-c-v00@openssh.com`,
    `rsa-sha2-256,rsa-sha2-512,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,ssh-ed25519`,
    `${GCM},chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr`,
    `${ETM},${SHA2},hmac-sha1,hmac-sha1-96`,
    'none',
  ],
  libssh2: [
    `${GROUP}-exchange-sha256,${GROUP}-exchange-sha1,${GROUP}14-sha1,${GROUP}1-sha1`,
    'ssh-rsa,ssh-dss',
    `${CTR},${CBC},rijndael-cbc@lysator.liu.se,blowfish-cbc,arcfour128,arcfour,cast128-cbc,3des-cbc`,
    `${SHA2},hmac-sha1,hmac-sha1-96,hmac-md5,hmac-md5-96,hmac-ripemd160,hmac-ripemd160@openssh.com`,
    'none',
  ],
  paramiko: [
    `${CURVE},${NIST},${GROUP}16-sha512,${GROUP}-exchange-sha256,${GROUP}14-sha256,${GROUP}-exchange-sha1,${GROUP}14-sha1`,
    HOST_KEYS,
    `aes128-ctr,aes192-ctr,aes256-ctr,aes128-cbc,aes192-cbc,aes256-cbc,3des-cbc`,
    `${SHA2},${ETM},hmac-sha1,hmac-md5,hmac-sha1-96,hmac-md5-96`,
    'none',
  ],
  openssh: [
    `sntrup761x25519-sha512@openssh.com,curve25519-sha256,${CURVE},${NIST},${GROUP}-exchange-sha256,${GROUP}16-sha512,${GROUP}18-sha512,${GROUP}14-sha256,ext-info-c,kex-strict-c-v00@openssh.com`,
    `ssh-ed25519-cert-v01@openssh.com,ecdsa-sha2-nistp256-cert-v01@openssh.com,sk-ssh-ed25519@openssh.com,${HOST_KEYS}`,
    `chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr,${GCM}`,
    `umac-64-etm@openssh.com,umac-128-etm@openssh.com,${ETM},hmac-sha1-etm@openssh.com,umac-64@openssh.com,umac-128@openssh.com,${SHA2},hmac-sha1`,
    ZLIB,
  ],
  putty: [
    `${GROUP}-exchange-sha256,${GROUP}-exchange-sha1,${GROUP}1-sha1,${GROUP}14-sha1`,
    'ssh-rsa,ssh-dss',
    'aes256-ctr,aes128-ctr,aes256-cbc,aes128-cbc,twofish256-cbc,twofish128-cbc,blowfish-cbc,3des-cbc,arcfour128,arcfour256',
    'hmac-sha1,hmac-md5,none',
    'zlib,zlib@openssh.com,none',
  ],
  scanner: [
    `${GROUP}1-sha1,${GROUP}14-sha1,${GROUP}14-sha256`,
    'ssh-rsa,ssh-dss,ecdsa-sha2-nistp256',
    'aes128-ctr',
    'hmac-sha1,hmac-256,hmac-sha2-256',
    ZLIB,
  ],
}

/** Client version, offer, weight. The order of weights is that of public logs. */
const CLIENTS: readonly (readonly [version: string, offer: string | undefined, weight: number])[] =
  [
    ['SSH-2.0-Go', 'go', 300],
    ['SSH-2.0-libssh-0.6.3', 'oldLibssh', 150],
    ['SSH-2.0-libssh_0.9.6', 'libssh', 120],
    ['SSH-2.0-libssh2_1.10.0', 'libssh2', 90],
    ['SSH-2.0-PUTTY', 'putty', 55],
    ['SSH-2.0-Go', 'newGo', 50],
    ['SSH-2.0-libssh2_1.4.3', 'libssh2', 45],
    ['SSH-2.0-paramiko_2.11.0', 'paramiko', 35],
    ['SSH-2.0-libssh_0.11.1', 'libssh', 25],
    ['SSH-2.0-OpenSSH_7.3', 'openssh', 20],
    ['SSH-2.0-OpenSSH_8.9p1 Ubuntu-3ubuntu0.10', 'openssh', 16],
    ['SSH-2.0-AsyncSSH_2.1.0', 'paramiko', 14],
    ['SSH-2.0-JSCH-0.1.54', 'libssh2', 12],
    ['SSH-2.0-ZGrab ZGrab SSH Survey', 'scanner', 12],
    ['GET / HTTP/1.1', undefined, 9],
    ['MGLNDD_192.0.2.10_22', undefined, 7],
    ['SSH-2.0-Nmap-SSH2-Hostkey', 'scanner', 6],
    ['SSH-2.0-phpseclib_1.0', 'libssh2', 6],
    ['SSH-2.0-HELLOWORLD', 'go', 6],
    ['SSH-2.0-Granados-1.0', 'putty', 5],
    ['SSH-2.0-MSRouter', 'putty', 4],
    ['SSH-1.5-Server', undefined, 2],
  ]

/** Offers of clients that were not around, or were rare, in the days of Cowrie 1.5. */
const MODERN: readonly (string | undefined)[] = ['libssh', 'newGo', 'paramiko', 'openssh']
const MODERN_THEN = 0.05
const OLD_THEN = 1.9 // the oldest libssh was as much more frequent

const TAIL = 160
const TAIL_WEIGHT = 60

/** The clients that occur, with their frequencies. */
export class ClientPool {
  readonly #clients: readonly Client[]
  readonly #now: WeightedIndex
  readonly #then: WeightedIndex

  constructor(random: Random) {
    const offers = new Map(Object.entries(OFFERS).map(([name, offer]) => [name, exchange(offer)]))
    const clients: Client[] = CLIENTS.map(([version, offer]) => ({
      version: makeText(version),
      kex: offer === undefined ? undefined : offers.get(offer),
    }))
    const weights = CLIENTS.map(([, , weight]) => weight)
    const names = Object.keys(OFFERS)
    for (let i = 0; i < TAIL; i += 1) {
      clients.push({
        version: makeText(tailVersion(random, i)),
        kex: exchange(shorten(OFFERS[random.pick(names)] as Offer, random)),
      })
      weights.push(TAIL_WEIGHT / (i + 5) / 4)
    }
    this.#clients = clients
    this.#now = new WeightedIndex(weights)
    this.#then = new WeightedIndex(
      weights.map((weight, i) => {
        const offer = CLIENTS[i]?.[1]
        return (
          weight * (MODERN.includes(offer) ? MODERN_THEN : offer === 'oldLibssh' ? OLD_THEN : 1)
        )
      }),
    )
  }

  /** @param isLegacy - the clients of 2018 and 2019 */
  pick(random: Random, isLegacy: boolean): Client {
    // Both tables are as long as the pool.
    return this.#clients[(isLegacy ? this.#then : this.#now).pick(random)] as Client
  }
}

function tailVersion(random: Random, rank: number): string {
  switch (rank % 5) {
    case 0:
      return `SSH-2.0-OpenSSH_${random.between(5, 9)}.${random.int(10)}p1 Debian-${random.between(1, 12)}+deb${random.between(8, 12)}u${rank}`
    case 1:
      return `SSH-2.0-OpenSSH_${random.between(6, 9)}.${random.int(10)}p1 Ubuntu-${random.between(1, 12)}ubuntu${random.int(3)}.${rank}`
    case 2:
      return `SSH-2.0-libssh2_1.${random.between(4, 11)}.${rank}`
    case 3:
      return `SSH-2.0-paramiko_${random.between(1, 3)}.${random.int(16)}.${rank}`
    default:
      return `SSH-2.0-PuTTY_Release_0.${50 + rank}`
  }
}

/** Leaves out one key exchange and one cipher, as other builds of a client do: another HASSH. */
function shorten(offer: Offer, random: Random): Offer {
  const without = (list: string) => {
    const items = list.split(',')
    if (items.length > 1) items.splice(random.int(items.length), 1)
    return items.join(',')
  }
  return [without(offer[0]), offer[1], without(offer[2]), offer[3], offer[4]]
}

function exchange(offer: Offer): KeyExchange {
  const [kex, key, cipher, mac, compression] = offer
  // HASSH as published: MD5 over the client's four lists.
  const algorithms = `${kex};${cipher};${mac};${compression}`
  const hassh = createHash('md5').update(algorithms).digest('hex')
  const lists = {
    kexAlgs: kex,
    keyAlgs: key,
    encCS: cipher,
    macCS: mac,
    compCS: compression,
    langCS: '',
  }
  const render = (comma: string, colon: string) => {
    let json = `${comma}"hassh"${colon}"${hassh}"${comma}"hasshAlgorithms"${colon}"${algorithms}"`
    for (const [name, list] of Object.entries(lists)) {
      json += `${comma}"${name}"${colon}["${list.replaceAll(',', `"${comma}"`)}"]`
    }
    return json
  }
  return { hassh: makeText(hassh), compact: render(',', ':'), spaced: render(', ', ': ') }
}
