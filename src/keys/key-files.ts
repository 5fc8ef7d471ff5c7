/**
 * The files of the recipient key: whom sealed bytes are encrypted to, and what opens them.
 *
 * In: the folder of keys. Out: recipients and private keys; a new pair where there is none.
 * Promises: no private key is ever deleted or written over, and after a stop at any step the recipient in use is one
 * whose private half was written first. Refuses halves that do not belong together.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { SealError } from '../core/errors.ts'
import type { Recipient, RecipientPrivateKey } from '../core/seal-types.ts'
import { loadRecipientPrivate, newRecipientKey, recipientOf } from '../seal/envelope.ts'

export const PRIVATE_FILE = 'recipient-x25519.pem'
export const PUBLIC_FILE = 'recipient-x25519.pub'

/** The private keys at hand, by key id, and what is odd about their files. */
export type PrivateKeys = {
  readonly keys: ReadonlyMap<string, RecipientPrivateKey>
  /** Sentences for the operator: files that cannot be used, or that others can read. */
  readonly warnings: readonly string[]
}

/**
 * The recipient whose sealed bytes this host makes; a new pair when neither of its files is there.
 *
 * With the public file alone the private half lives elsewhere. With the private file alone, the public one is made anew.
 *
 * @param folder - made when it is not there
 * @returns `made` tells of a new pair; a store that was encrypted to another recipient before should say so
 * @throws SealError `SEAL_RECIPIENT_UNREADABLE`, `SEAL_WRONG_KEY`
 */
export function prepareRecipient(folder: string): {
  readonly recipient: Recipient
  readonly made: boolean
} {
  const publicPath = join(folder, PUBLIC_FILE)
  const privatePath = join(folder, PRIVATE_FILE)
  const made = !existsSync(publicPath) && !existsSync(privatePath) && makePair(folder)
  // Another process may be making the same pair: what lies there counts, not what was made here.
  if (!existsSync(publicPath)) writeNew(folder, PUBLIC_FILE, publicLine(readPrivate(privatePath)))
  const recipient = readPublic(publicPath)
  if (existsSync(privatePath)) checkHalves(folder, recipient)
  return { recipient, made }
}

/**
 * All private keys that can be had: those of the folder, older ones included, and one more file.
 *
 * A damaged file of the folder is told and passed over, so that the other keys can still open what is theirs.
 *
 * @param extraFile - on removable media, say
 * @throws SealError `SEAL_RECIPIENT_UNREADABLE` when the extra file cannot be used
 */
export function privateKeys(folder: string, extraFile?: string): PrivateKeys {
  const keys = new Map<string, RecipientPrivateKey>()
  const warnings: string[] = []
  const take = (path: string): void => {
    const key = readPrivate(path)
    keys.set(key.keyId, key)
    // Windows has no such bits, and media without rights show all of them.
    if (process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0)
      warnings.push(`Other users can read the private key ${path}: chmod 600 it.`)
  }
  for (const name of existsSync(folder) ? readdirSync(folder).sort() : []) {
    if (!/^recipient-[0-9a-z]+\.pem$/.test(name)) continue
    try {
      take(join(folder, name))
    } catch (error) {
      if (!(error instanceof SealError)) throw error
      warnings.push(`${error.message} What was sealed to it cannot be opened here.`)
    }
  }
  if (extraFile !== undefined) take(extraFile)
  return { keys, warnings }
}

/**
 * Makes a new pair; what is loaded from now on is sealed to it. The old private file is kept under its key id.
 *
 * Safe to stop at any step, and to run again: until the public file is replaced, the old recipient stays in use.
 *
 * @returns the new recipient, and the old one
 * @throws SealError `SEAL_RECIPIENT_UNREADABLE`, `SEAL_WRONG_KEY`
 */
export function rotateRecipient(folder: string): {
  readonly recipient: Recipient
  readonly previous: Recipient
} {
  const previous = prepareRecipient(folder).recipient
  const pem = newRecipientKey()
  const key = loadRecipientPrivate(pem)
  // The public file alone is a state that may last, so each step leaves either half with its place or none:
  // the new private half first, under its id; the old one out of the way; then the switch; then the name.
  writeNew(folder, olderName(key.keyId), pem)
  const current = join(folder, PRIVATE_FILE)
  if (existsSync(current)) moveNew(folder, PRIVATE_FILE, olderName(readPrivate(current).keyId))
  replace(folder, PUBLIC_FILE, publicLine(key))
  moveNew(folder, olderName(key.keyId), PRIVATE_FILE)
  return { recipient: recipientOf(key.publicKey), previous }
}

/**
 * The line of the public file, for another host that loads to the same recipient.
 *
 * @throws SealError `SEAL_RECIPIENT_UNREADABLE` when there is none
 */
export function exportPublic(folder: string): string {
  return publicLine(readPublic(join(folder, PUBLIC_FILE)))
}

/** Name of a private file that is not, or not yet, the one in use. */
function olderName(keyId: string): string {
  return `recipient-${keyId}.pem`
}

function publicLine({ publicKey, keyId }: Recipient): string {
  return `nacre-x25519 ${Buffer.from(publicKey).toString('base64url')} ${keyId}\n`
}

/** @returns false when another process was faster */
function makePair(folder: string): boolean {
  const pem = newRecipientKey()
  // The private half first: a public one whose other half was never written would seal for nobody.
  if (!writeNew(folder, PRIVATE_FILE, pem)) return false
  writeNew(folder, PUBLIC_FILE, publicLine(loadRecipientPrivate(pem)))
  return true
}

/** The private half of the recipient in use is the current file, or lies beside it under its id. */
function checkHalves(folder: string, recipient: Recipient): void {
  const current = join(folder, PRIVATE_FILE)
  if (readPrivate(current).keyId === recipient.keyId) return
  // Two rotations at once can end so. Nothing is lost: what is sealed can be opened.
  const beside = join(folder, olderName(recipient.keyId))
  if (existsSync(beside) && readPrivate(beside).keyId === recipient.keyId) return
  throw new SealError(
    'SEAL_WRONG_KEY',
    `${join(folder, PUBLIC_FILE)} is not the public half of ${PRIVATE_FILE} beside it.`,
    {
      hint: 'If the private half of the .pub lives elsewhere, rename the .pem to recipient-old.pem; otherwise move the .pub away: it is then made anew.',
    },
  )
}

function readPrivate(path: string): RecipientPrivateKey {
  try {
    return loadRecipientPrivate(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw unreadable(`The private key ${path} cannot be used.`, cause)
  }
}

function readPublic(path: string): Recipient {
  try {
    const found = /^nacre-x25519 ([\w-]{43}) ([0-9a-f]{16})\s*$/.exec(readFileSync(path, 'utf8'))
    if (found === null) throw new Error('not the line of a public key')
    const recipient = recipientOf(Buffer.from(found[1]!, 'base64url'))
    // Base64 has several spellings of some keys; there is one line for a key.
    if (publicLine(recipient).trim() !== found[0].trim())
      throw new Error('the id does not fit the key')
    return recipient
  } catch (cause) {
    throw unreadable(`The public key ${path} cannot be used.`, cause)
  }
}

function unreadable(message: string, cause: unknown): SealError {
  return new SealError('SEAL_RECIPIENT_UNREADABLE', message, {
    hint: 'Look at its rights, or restore it from your backup. Do not delete a private key: what was sealed to it opens with nothing else.',
    cause,
  })
}

/** Writes a whole file or none, durably. @returns false when there is one of this name already */
function writeNew(folder: string, name: string, text: string): boolean {
  const draft = writeDraft(folder, name, text)
  try {
    return place(folder, draft, name)
  } catch (cause) {
    throw unwritable(join(folder, name), cause)
  } finally {
    discard(draft)
  }
}

/** Puts a file in place of another, whole, durably. */
function replace(folder: string, name: string, text: string): void {
  const draft = writeDraft(folder, name, text)
  try {
    renameSync(draft, join(folder, name))
    syncFolder(folder)
  } catch (cause) {
    discard(draft)
    throw unwritable(join(folder, name), cause)
  }
}

/** Gives a private file another name; one that has that name already stays, and so does the file. */
function moveNew(folder: string, from: string, to: string): void {
  let isMoved: boolean
  try {
    isMoved = place(folder, join(folder, from), to)
  } catch (cause) {
    throw unwritable(join(folder, to), cause)
  }
  // The same key may stand there from a rotation that was stopped; then the name is all that is left to do.
  if (!isMoved && readPrivate(join(folder, to)).keyId === readPrivate(join(folder, from)).keyId)
    rmSync(join(folder, from))
}

function writeDraft(folder: string, name: string, text: string): string {
  const draft = join(folder, `.${name}.${process.pid}.tmp`)
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    rmSync(draft, { force: true })
    const file = openSync(draft, 'wx', name.endsWith('.pem') ? 0o600 : 0o644)
    try {
      writeSync(file, text)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
  } catch (cause) {
    discard(draft)
    throw unwritable(join(folder, name), cause)
  }
  return draft
}

/** What failed is told by another error; a draft that stays behind does no harm. */
function discard(draft: string): void {
  try {
    rmSync(draft, { force: true })
  } catch {
    // Then it is still there, or its folder never was.
  }
}

/** Renames without ever writing over: a link fails where a file is, a rename does not. @returns false where one is */
function place(folder: string, from: string, name: string): boolean {
  const to = join(folder, name)
  try {
    linkSync(from, to)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code // Node's file functions throw these
    if (code === 'EEXIST') return false
    if (code === undefined || !NO_LINKS.has(code)) throw error
    if (existsSync(to)) return false
    renameSync(from, to)
    syncFolder(folder)
    return true
  }
  // The new name is on the disk before the old one goes.
  syncFolder(folder)
  rmSync(from)
  syncFolder(folder)
  return true
}

/** What file systems without hard links say. */
const NO_LINKS: ReadonlySet<string> = new Set([
  'EPERM',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EMLINK',
])

function syncFolder(folder: string): void {
  if (process.platform === 'win32') return
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } catch {
    // Some file systems cannot: the names are then as durable as they can be there.
  } finally {
    closeSync(handle)
  }
}

function unwritable(path: string, cause: unknown): SealError {
  return new SealError('SEAL_RECIPIENT_UNREADABLE', `The key file ${path} cannot be written.`, {
    hint: 'Look at the rights and the free space of the folder. No key was lost.',
    cause,
  })
}
