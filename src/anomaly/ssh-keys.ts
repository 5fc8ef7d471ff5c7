/** Public SSH keys in command lines: what attackers write into `authorized_keys`. */
import { createHash } from 'node:crypto'
import { LIMITS } from '../limits.ts'

export type SshKey = {
  /** `ssh-rsa SHA256:...`, as OpenSSH names a key. */
  readonly text: string
}

// The base64 of every public key begins with the length of its type's name: AAAA.
const KEY =
  /\b(ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp(?:256|384|521)|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)[ \t]+(AAAA[0-9A-Za-z+/]{28,16384})/g

/**
 * The keys in a command line, each once.
 *
 * @param command - visible form; keys are of characters that it leaves alone
 */
export function sshKeysIn(command: string): readonly SshKey[] {
  if (!command.includes('AAAA')) return NONE
  const found = new Set<string>()
  for (const [, type, base64] of command.matchAll(KEY)) {
    const digest = createHash('sha256').update(Buffer.from(base64!, 'base64')).digest('base64')
    found.add(`${type} SHA256:${digest.replace(/=+$/, '')}`)
    if (found.size === LIMITS.sshKeysOfCommandMax) break
  }
  return [...found].map((text) => ({ text }))
}

const NONE: readonly SshKey[] = []
