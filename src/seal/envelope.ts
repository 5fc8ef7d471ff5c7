/**
 * Encrypts sealed bytes to a recipient, and opens them with the recipient's private key.
 *
 * In: compressed blocks and a public X25519 key. Out: ciphertext, and the data key of the batch wrapped for that key.
 * Promises: who loads need not be able to read back; a changed bit anywhere does not open; formats as
 * `docs/seal-format.md`. Refuses keys that would make the shared secret known to everybody.
 */
import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto'
import { SealError } from '../core/errors.ts'
import type { Envelope, Recipient, RecipientPrivateKey } from '../core/seal-types.ts'
import { keyIdOf } from './chain.ts'

/** Where a block stands, and the key that it was encrypted with. */
export type BlockKey = {
  readonly dataKey: Uint8Array
  /** Number of the block within its batch. */
  readonly n: number
  /** Its leaf in the record tree. */
  readonly leaf: Uint8Array
}

const CIPHER = 'aes-256-gcm'
const KEY_BYTES = 32
const TAG_BYTES = 16
const WRAPPED_BYTES = KEY_BYTES + TAG_BYTES
const INFO = 'nacre-envelope-1'
const ZERO_NONCE = Buffer.alloc(12)
/** What stands before the raw key in PKCS #8 and in SubjectPublicKeyInfo (RFC 8410 sections 4 and 7). */
const PKCS8_X25519 = Buffer.from('302e020100300506032b656e04220420', 'hex')
const SPKI_X25519 = Buffer.from('302a300506032b656e032100', 'hex')
/** The prime of Curve25519. */
const P = 2n ** 255n - 19n

/**
 * Encrypts the compressed content of a block.
 *
 * @param key - the same data key and number must never be used for two contents
 * @returns ciphertext and tag, in memory of their own
 */
export function encryptBlock(compressed: Uint8Array, key: BlockKey): Uint8Array {
  const cipher = createCipheriv(CIPHER, key.dataKey, blockNonce(key.n), GCM)
  cipher.setAAD(key.leaf)
  // Not from a shared pool: batches go to other threads, and a view takes all of its memory along.
  const out = new Uint8Array(compressed.length + TAG_BYTES)
  out.set(cipher.update(compressed), 0)
  cipher.final()
  out.set(cipher.getAuthTag(), compressed.length)
  return out
}

/** @throws SealError `SEAL_DAMAGED` when key, place or bytes are not those of the sealing */
export function decryptBlock(stored: Uint8Array, key: BlockKey): Uint8Array {
  return decrypt(stored, key.dataKey, blockNonce(key.n), key.leaf, 'A sealed block')
}

/**
 * Wraps the data key of a batch for its recipient.
 *
 * @param dataKey - 32 random bytes, used for no other batch
 * @param ephemeralSecret - 32 other random bytes, used for nothing else
 */
export function wrapDataKey(
  recipient: Recipient,
  dataKey: Uint8Array,
  ephemeralSecret: Uint8Array,
): Envelope {
  const pair = createPrivateKey({
    key: Buffer.concat([PKCS8_X25519, ephemeralSecret]),
    format: 'der',
    type: 'pkcs8',
  })
  const ephemeral = rawPublic(createPublicKey(pair))
  const kek = wrappingKey(agree(pair, recipient.publicKey), ephemeral, recipient.publicKey)
  const cipher = createCipheriv(CIPHER, kek, ZERO_NONCE, GCM)
  const wrapped = new Uint8Array(WRAPPED_BYTES)
  wrapped.set(cipher.update(dataKey), 0)
  cipher.final()
  wrapped.set(cipher.getAuthTag(), KEY_BYTES)
  return { keyId: recipient.keyId, ephemeral, wrapped }
}

/**
 * Takes the data key out of an envelope.
 *
 * @returns undefined when none of the keys is the one that the envelope names
 * @throws SealError `SEAL_DAMAGED` when it is, and the envelope does not open
 */
export function openEnvelope(
  privateKeys: ReadonlyMap<string, RecipientPrivateKey>,
  envelope: Envelope,
): Uint8Array | undefined {
  const key = privateKeys.get(envelope.keyId)
  if (key === undefined) return undefined
  const what = 'The wrapped key of a batch'
  const { ephemeral, wrapped } = envelope
  if (ephemeral.length !== KEY_BYTES || wrapped.length !== WRAPPED_BYTES) throw damaged(what)
  let shared: Uint8Array
  try {
    shared = key.agree(ephemeral)
  } catch (cause) {
    throw damaged(what, cause)
  }
  return decrypt(
    wrapped,
    wrappingKey(shared, ephemeral, key.publicKey),
    ZERO_NONCE,
    undefined,
    what,
  )
}

/** Makes a new X25519 key. @returns the private key as PKCS #8 PEM */
export function newRecipientKey(): string {
  return generateKeyPairSync('x25519')
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString()
}

/** @throws Error when the text is no X25519 private key */
export function loadRecipientPrivate(pem: string): RecipientPrivateKey {
  const key = createPrivateKey(pem)
  if (key.asymmetricKeyType !== 'x25519') throw new Error('not an X25519 key')
  const { keyId, publicKey } = recipientOf(rawPublic(createPublicKey(key)))
  return { keyId, publicKey, agree: (other) => agree(key, other) }
}

/**
 * The recipient with a raw public key.
 *
 * @throws Error when these are not 32 bytes, not the one way to write this key, or a point that makes no secret
 */
export function recipientOf(publicKey: Uint8Array): Recipient {
  if (publicKey.length !== KEY_BYTES) throw new Error('not 32 bytes')
  // Another spelling of the same point has another id and salt: what is sealed to it would never open.
  if (BigInt(`0x${Buffer.from(publicKey).reverse().toString('hex')}`) >= P)
    throw new Error('not the canonical form of a key')
  // Points of small order give zero with every private key, so any will do to find them.
  const probe = createPrivateKey({
    key: Buffer.concat([PKCS8_X25519, Buffer.alloc(KEY_BYTES, 1)]),
    format: 'der',
    type: 'pkcs8',
  })
  agree(probe, publicKey)
  const own = Uint8Array.from(publicKey)
  return { keyId: keyIdOf(own), publicKey: own }
}

const GCM = { authTagLength: TAG_BYTES } as const

function blockNonce(n: number): Buffer {
  const nonce = Buffer.alloc(12)
  nonce.writeUInt32LE(n, 8)
  return nonce
}

function decrypt(
  bytes: Uint8Array,
  key: Uint8Array,
  nonce: Uint8Array,
  aad: Uint8Array | undefined,
  what: string,
): Uint8Array {
  if (bytes.length < TAG_BYTES) throw damaged(what)
  const end = bytes.length - TAG_BYTES
  const decipher = createDecipheriv(CIPHER, key, nonce, GCM)
  if (aad !== undefined) decipher.setAAD(aad)
  decipher.setAuthTag(bytes.subarray(end))
  const plain = decipher.update(bytes.subarray(0, end))
  try {
    decipher.final()
  } catch (cause) {
    throw damaged(what, cause)
  }
  return plain
}

function damaged(what: string, cause?: unknown): SealError {
  return new SealError('SEAL_DAMAGED', `${what} does not open: it is not what was sealed.`, {
    hint: 'Run `nacre verify`: it names what was changed. Do not write to the store before you have a copy.',
    cause,
  })
}

function wrappingKey(shared: Uint8Array, ephemeral: Uint8Array, recipient: Uint8Array): Uint8Array {
  const salt = Buffer.concat([ephemeral, recipient])
  return new Uint8Array(hkdfSync('sha256', shared, salt, INFO, KEY_BYTES))
}

function agree(privateKey: KeyObject, otherRaw: Uint8Array): Uint8Array {
  const publicKey = createPublicKey({
    key: Buffer.concat([SPKI_X25519, otherRaw]),
    format: 'der',
    type: 'spki',
  })
  const shared = diffieHellman({ privateKey, publicKey })
  // OpenSSL refuses this itself; the check does not depend on its version (RFC 7748 section 6.1).
  if (shared.every((byte) => byte === 0)) throw new Error('the shared secret is all zeros')
  return shared
}

function rawPublic(key: KeyObject): Uint8Array {
  return Uint8Array.from(key.export({ format: 'der', type: 'spki' }).subarray(SPKI_X25519.length))
}
