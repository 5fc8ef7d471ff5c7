/** What people read in place of the names of the types. */
import type { Campaign, NovelKind, Reason } from './insights.ts'

export const KIND_NAMES: Readonly<Record<NovelKind, string>> = {
  command: 'commands',
  credential: 'credentials',
  file: 'files',
  sshKey: 'SSH keys',
  hassh: 'HASSH',
  ip: 'addresses',
  asn: 'networks',
}

/** Words of kinds, one and many. */
export const KIND_WORDS: Readonly<Record<NovelKind, readonly [string, string]>> = {
  sshKey: ['SSH key', 'SSH keys'],
  file: ['file', 'files'],
  command: ['command', 'commands'],
  credential: ['credential', 'credentials'],
  hassh: ['HASSH', 'HASSHs'],
  asn: ['network', 'networks'],
  ip: ['address', 'addresses'],
}

export const REASON_NAMES: Readonly<Record<Reason, string>> = {
  'rare-commands': 'rare commands',
  'new-file': 'new file',
  'new-key': 'new SSH key',
  'high-threat': 'high threat',
  'hazardous-text': 'hazardous text',
  'by-hand': 'typed by hand',
}

export const TRAIT_NAMES: Readonly<Record<Campaign['shares'], string>> = {
  commands: 'commands',
  sshKey: 'SSH key',
  file: 'file',
  hassh: 'HASSH',
}
