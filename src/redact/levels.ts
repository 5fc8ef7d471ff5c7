/** What each level takes out, as one table; `docs/redaction.md` shows it to people, and a test compares the two. */

/** For whom something is: those who run the sensors, organisations they know, everyone. */
export const LEVELS = ['internal', 'partner', 'public'] as const
export type Level = (typeof LEVELS)[number]

/** Stands for a text that a level does not show. */
export const WITHHELD = '[withheld]'

/**
 * What can be done with a text:
 * - `keep`: as it is
 * - `scrub`: own addresses, own names, names of sensors and personal data are replaced within it
 * - `pseudonym`: another name takes its place, the same each time
 * - `common`: scrubbed where everybody tries it, else a mark that tells two of them apart
 * - `shorten`: known programs and their switches stay, all else becomes `*`
 * - `bare`: a URL without user, query and fragment, scrubbed
 * - `form`: scrubbed where it has the form of its kind, else withheld; of sessions a mark tells them apart
 * - `withhold`: nothing of it
 * - `drop`: the whole field is left out
 */
export type Treatment =
  | 'keep'
  | 'scrub'
  | 'pseudonym'
  | 'common'
  | 'shorten'
  | 'bare'
  | 'form'
  | 'withhold'
  | 'drop'

type Treatments = Readonly<Record<Level, Treatment>>

const grow = (partner: Treatment, everyone: Treatment): Treatments => ({
  internal: 'keep',
  partner,
  public: everyone,
})
const both = (treatment: Treatment): Treatments => grow(treatment, treatment)

/** Treatment of each kind of text, by level. */
export const TREATMENTS = {
  /** Words of the program, times, numbers. */
  label: both('keep'),
  sensor: both('pseudonym'),
  /** Address of an attacker, or one that an attacker named. */
  address: both('scrub'),
  /** The address that an attacker connected to. */
  ownAddress: both('withhold'),
  session: both('form'),
  eventid: grow('scrub', 'form'),
  protocol: grow('scrub', 'form'),
  hash: grow('scrub', 'form'),
  username: grow('scrub', 'common'),
  password: grow('scrub', 'common'),
  /** User name and password in one. */
  credential: grow('scrub', 'common'),
  command: grow('scrub', 'shorten'),
  url: grow('scrub', 'bare'),
  version: grow('scrub', 'form'),
  /** Names of algorithms. */
  algorithm: grow('scrub', 'form'),
  file: both('scrub'),
  /** An SSH key that an attacker left or used. */
  key: both('scrub'),
  /** Any other text of a log. */
  text: grow('scrub', 'withhold'),
  /** Texts that repeat other fields, or tell of the machine of the sensor. */
  machine: both('drop'),
  /** A field nobody knows. */
  unknown: grow('scrub', 'drop'),
} as const satisfies Readonly<Record<string, Treatments>>

export type TextKind = keyof typeof TREATMENTS

/** Fields of the payload of an event. What is not listed is `unknown`. */
export const PAYLOAD_KINDS: Readonly<Record<string, TextKind>> = {
  eventid: 'eventid',
  timestamp: 'label',
  session: 'session',
  sensor: 'sensor',
  protocol: 'protocol',
  src_ip: 'address',
  src_port: 'label',
  dst_ip: 'ownAddress',
  dst_port: 'label',
  new_ip: 'address',
  orig_ip: 'address',
  duration: 'label',
  duration_ms: 'label',
  username: 'username',
  password: 'password',
  input: 'command',
  url: 'url',
  shasum: 'hash',
  hassh: 'hash',
  fingerprint: 'key',
  key: 'key',
  filename: 'file',
  destfile: 'file',
  version: 'version',
  hasshAlgorithms: 'algorithm',
  kexAlgs: 'algorithm',
  keyAlgs: 'algorithm',
  encCS: 'algorithm',
  macCS: 'algorithm',
  compCS: 'algorithm',
  langCS: 'algorithm',
  size: 'label',
  width: 'label',
  height: 'label',
  arch: 'algorithm',
  duplicate: 'label',
  type: 'algorithm',
  name: 'text',
  value: 'text',
  data: 'text',
  message: 'machine',
  outfile: 'machine',
  ttylog: 'machine',
  uuid: 'machine',
  system: 'machine',
  isError: 'label',
  log_namespace: 'machine',
  log_format: 'machine',
  log_source: 'machine',
  backend_ip: 'ownAddress',
  local_ip: 'ownAddress',
  honey_ip: 'ownAddress',
}

/** Of these events `dst_ip` is what the attacker wanted to reach, not what was reached. */
export const FORWARDED = /^cowrie\.(?:direct-tcpip|tunnelproxy-tcpip)\./
