/** Passwords: what they must be, and how they are kept. */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { AccountError, RequestError } from '../core/errors.ts'
import { LIMITS } from '../limits.ts'

/** What is kept of a password, with all that is needed to make it again. */
export type PasswordHash = {
  readonly algorithm: 'scrypt'
  /** N, r and p of RFC 7914; 128 * N * r bytes are worked on. */
  readonly cost: number
  readonly blockSize: number
  readonly parallelization: number
  /** Base64. */
  readonly salt: string
  readonly hash: string
}

const STRENGTH = { cost: 32_768, blockSize: 8, parallelization: 3 } as const
const HASH_BYTES = 32

/** Long passwords that are tried first; shorter ones are refused for their length. */
const USUAL = [
  '123456789012',
  '1234567890123',
  '12345678901234',
  '123456789123456789',
  'qwertyuiop123',
  'qwertyuiopasdf',
  'qwertyuiopasdfghjkl',
  '1q2w3e4r5t6y',
  '1qaz2wsx3edc',
  '1qaz2wsx3edc4rfv',
  'password1234',
  'password12345',
  'password123456',
  'passwordpassword',
  'passw0rd1234',
  'adminadminadmin',
  'administrator',
  'administrator1',
  'letmeinletmein',
  'iloveyou1234',
  'welcome12345',
  'changemechangeme',
  'changeme1234',
  'correcthorsebatterystaple',
  'honeypothoneypot',
  'honeypot1234',
  'raspberryraspberry',
  'abcdefghijkl',
  'abcdefghijklmnopqrstuvwxyz',
  'abc123abc123',
]

/**
 * Length decides, and nothing else is asked for: rules of composition make passwords that are worse.
 *
 * @throws AccountError `ACCOUNT_WEAK_PASSWORD`
 */
export function checkPassword(password: string, user: string): void {
  const text = password.normalize('NFKC')
  const characters = [...text].length
  const plain = text.toLowerCase().replaceAll(/[\s._-]/g, '')
  const problem =
    characters < LIMITS.webPasswordCharsMin
      ? `is shorter than ${LIMITS.webPasswordCharsMin} characters`
      : characters > LIMITS.webPasswordCharsMax
        ? `is longer than ${LIMITS.webPasswordCharsMax} characters`
        : USUAL.includes(plain) || new Set(plain).size < 4
          ? 'is one of those that are tried first'
          : plain.replaceAll(user, '').replaceAll('nacre', '').length < 6
            ? 'is little more than the name'
            : undefined
  if (problem === undefined) return
  throw new AccountError('ACCOUNT_WEAK_PASSWORD', `The password ${problem}.`, {
    hint: 'A few words that have nothing to do with each other are long and easy to keep.',
  })
}

export async function hashPassword(password: string): Promise<PasswordHash> {
  const salt = randomBytes(16)
  const hash = await derive(password, salt, STRENGTH)
  return {
    algorithm: 'scrypt',
    ...STRENGTH,
    salt: salt.toString('base64'),
    hash: hash.toString('base64'),
  }
}

/** Stands for those of whom there is no password: looking takes as long, and never fits. */
const NOBODYS: PasswordHash = {
  algorithm: 'scrypt',
  ...STRENGTH,
  salt: 'bmFjcmUgbm9ib2R5IDAwMA==',
  hash: Buffer.alloc(HASH_BYTES).toString('base64'),
}

/** Whether a password is the one that is kept. @throws RequestError `REQUEST_TOO_MANY` */
export async function isPassword(
  password: string,
  kept: PasswordHash | undefined,
): Promise<boolean> {
  const { salt, hash, ...strength } = kept ?? NOBODYS
  const made = await derive(password, Buffer.from(salt, 'base64'), strength)
  const expected = Buffer.from(hash, 'base64')
  const isSame = expected.length === made.length && timingSafeEqual(made, expected)
  return isSame && kept !== undefined
}

let underWay = 0

async function derive(
  password: string,
  salt: Buffer,
  { cost, blockSize, parallelization }: Omit<PasswordHash, 'algorithm' | 'salt' | 'hash'>,
): Promise<Buffer> {
  if (underWay >= LIMITS.webHashesMax)
    throw new RequestError('REQUEST_TOO_MANY', 'Too many are signing in just now.', {
      hint: 'Try again in a few seconds.',
    })
  underWay += 1
  try {
    return await new Promise((resolve, reject) => {
      scrypt(
        password.normalize('NFKC'),
        salt,
        HASH_BYTES,
        { cost, blockSize, parallelization, maxmem: 192 * cost * blockSize },
        (error, key) => (error === null ? resolve(key) : reject(error)),
      )
    })
  } finally {
    underWay -= 1
  }
}
