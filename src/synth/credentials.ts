import { type Random, type TokenSource, WeightedIndex, zipfWeights } from './random.ts'
import { makeText, type Text } from './text.ts'

/** What one log-in tries. */
export type Credential = {
  readonly user: Text
  readonly password: Text
}

const TOP_USERS =
  'root admin ubuntu user test postgres oracle mysql pi guest ftpuser git support service student dev server ubnt ftp deploy hadoop jenkins nagios ansible zabbix www-data tomcat minecraft steam default system operator supervisor administrator nginx redis kafka elastic elasticsearch docker vagrant odoo teamspeak ts3 samba backup postfix mail web webmaster es app apps dspace zookeeper gitlab mongodb'.split(
    ' ',
  )

const TOP_PASSWORDS =
  '123456 password admin root 1234 123 12345 12345678 123456789 1qaz2wsx P@ssw0rd qwerty 000000 111111 user admin123 abc123 guest root123 test123 test ubuntu raspberry 1 toor 1q2w3e4r letmein default 1234567890 ubnt system support pass passw0rd changeme 3245gs5662d34 345gs5662d34 xc3511 vizxv 888888 juantech 54321 666666 7ujMko0admin 7ujMko0vizxv klv123 klv1234 Zte521 hi3518 jvbzd anko zlxx. meinsm smcadmin realtek dreambox ikwb oracle postgres git mysql ftp Huawei@123 Passw0rd qwe123 password123 asdfgh zaq12wsx iloveyou 123qwe 1qaz@WSX Aa123456 server secret a ftpuser dev'.split(
    ' ',
  )

const WORDS =
  'admin root test pass qwerty server linux love monkey dragon master hello welcome ninja shadow sunshine princess football super oracle ubuntu centos debian cisco huawei hadoop jenkins docker redis mysql web cloud data host user abc asd zxc temp demo'.split(
    ' ',
  )

const NAMES =
  'anna bob carlos david elena fabio greta hassan ivan julia kim liam maria nina oleg paul quentin rosa sara tom uma victor wei xavier yusuf zoe alex ben chris dan eric frank george henry jack john kevin leo mark mike nick peter rob sam steve tim will'.split(
    ' ',
  )

/** Ordinary words in other scripts: attackers type them too, and no rule should take them for hostile. */
const OTHER_SCRIPTS = ['пароль', '密码', 'contraseña', 'şifre', 'κωδικός', 'passwört', '비밀번호']

const USERS = 420
const PASSWORDS = 6_000
const PAIRS = 12_000
const UNIQUE_PASSWORD_SHARE = 0.05
const UNIQUE_USER_SHARE = 0.015
const COMPANIONS = 24

/** User names and passwords: Zipf-shaped pairs from a fixed pool, and a tail of pairs seen once. */
export class CredentialPool {
  readonly #users: readonly Text[]
  readonly #passwords: readonly Text[]
  readonly #pairs: readonly Credential[]
  readonly #ranks: WeightedIndex
  readonly #tokens: TokenSource
  #uniqueCount = 0

  constructor(random: Random, tokens: TokenSource) {
    this.#tokens = tokens
    this.#users = distinct(userNames(random), USERS)
    this.#passwords = distinct(passwords(random), PASSWORDS)
    this.#pairs = pairUp(random, this.#users, this.#passwords)
    this.#ranks = new WeightedIndex(zipfWeights(this.#pairs.length, 0.9, 1.5))
  }

  /** A log-in attempt: mostly one of the pool, now and then one that never comes again. */
  pick(random: Random): Credential {
    const pair = this.#pairs[this.#ranks.pick(random)] as Credential // as many ranks as pairs
    const die = random.float()
    if (die < UNIQUE_PASSWORD_SHARE) return { user: pair.user, password: this.#once('!') }
    if (die < UNIQUE_PASSWORD_SHARE + UNIQUE_USER_SHARE) {
      return { user: this.#once('_'), password: pair.password }
    }
    return pair
  }

  /** One of few common words, to stand beside a hostile one: so that such pairs can be counted. */
  companion(random: Random): Credential {
    const at = random.int(COMPANIONS)
    return { user: this.#users[at] as Text, password: this.#passwords[at] as Text } // pools are larger
  }

  /** No word of the pools has these marks before digits, so a unique word meets none of them. */
  #once(mark: string): Text {
    this.#uniqueCount += 1
    const token = this.#tokens.token(this.#uniqueCount)
    return makeText(`${token.slice(0, 5)}${mark}${token.slice(5)}`, { unique: true })
  }
}

function* userNames(random: Random): Generator<string> {
  yield* TOP_USERS
  yield* NAMES
  yield ''
  for (;;) yield `${random.pick([...NAMES, ...TOP_USERS])}${random.between(1, 99)}`
}

function* passwords(random: Random): Generator<string> {
  yield* TOP_PASSWORDS.slice(0, 40)
  yield ''
  yield* TOP_PASSWORDS.slice(40)
  yield* WORDS
  yield* OTHER_SCRIPTS
  for (;;) {
    const word = random.pick(WORDS)
    switch (random.int(7)) {
      case 0:
        yield `${word}${random.between(1, 9999)}`
        break
      case 1:
        yield `${word}@${random.between(2000, 2026)}`
        break
      case 2:
        yield `${word[0]?.toUpperCase()}${word.slice(1)}${random.between(1, 999)}#`
        break
      case 3:
        yield String(random.between(100_000, 99_999_999))
        break
      case 4:
        yield `${random.pick(NAMES)}${random.between(1950, 2026)}`
        break
      case 5:
        yield `${word}${random.pick(WORDS)}`
        break
      default:
        yield random.text(
          random.between(6, 12),
          'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789',
        )
    }
  }
}

function distinct(values: Generator<string>, count: number): Text[] {
  const seen = new Set<string>()
  for (const value of values) {
    seen.add(value)
    if (seen.size === count) break
  }
  return [...seen].map((value) => makeText(value))
}

/** Pairs in order of frequency: those of a popular user and a popular password first. */
function pairUp(random: Random, users: readonly Text[], words: readonly Text[]): Credential[] {
  const userWeights = zipfWeights(users.length, 1.25)
  const wordWeights = zipfWeights(words.length, 0.85, 1)
  const userRanks = new WeightedIndex(userWeights)
  const wordRanks = new WeightedIndex(wordWeights)
  const keys = new Set<number>()
  while (keys.size < PAIRS) {
    keys.add(userRanks.pick(random) * words.length + wordRanks.pick(random))
  }
  return [...keys]
    .map((key) => {
      const user = Math.floor(key / words.length)
      const word = key % words.length
      const weight = (userWeights[user] as number) * (wordWeights[word] as number)
      return { key, weight, pair: { user: users[user] as Text, password: words[word] as Text } }
    })
    .sort((a, b) => b.weight - a.weight || a.key - b.key)
    .map(({ pair }) => pair)
}
