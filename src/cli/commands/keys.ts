import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { formatInstant } from '../../core/instant.ts'
import { table } from '../../core/terminal.ts'
import { terminal } from '../../output/encode/terminal.ts'
import { keyFolder, signingKeyPath } from '../app.ts'
import { type Command, EXIT } from '../command.ts'
import { writeNew } from '../write-file.ts'

export const keysInit: Command = {
  name: 'keys init',
  summary: 'Make the keys that are missing: one signs checkpoints, one opens sealed bytes',
  arguments: '',
  argumentCount: [0, 0],
  options: {},
  examples: ['keys init'],
  description:
    'A load does this by itself. Sealed bytes are encrypted to the recipient key; its private half is needed for "evidence reveal",\n' +
    '"dlq replay" and to open the bytes in "verify", and may live on another machine (docs/keys.md).',
  async run(app) {
    const store = await app.openStore('create')
    try {
      const hadSigning = existsSync(signingKeyPath(app.settings))
      const signing = await app.prepare(store)
      const { recipient, made } = await app.recipient(store)
      app.out.result(
        {
          signingKey: signing.keyId,
          recipientKey: recipient.keyId,
          made: { signing: !hadSigning, recipient: made },
        },
        () =>
          terminal.join(
            [
              terminal`${hadSigning ? terminal`Found` : terminal`Made`} the signing key ${terminal.own(signing.keyId)}`,
              terminal`${made ? terminal`Made` : terminal`Found`} the recipient key ${terminal.own(recipient.keyId)}`,
            ],
            '\n',
          ),
      )
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}

export const keysList: Command = {
  name: 'keys list',
  summary: 'List the keys of the store, and which private halves are here',
  arguments: '',
  argumentCount: [0, 0],
  options: {},
  examples: ['keys list', 'keys list --json'],
  async run(app) {
    const store = await app.openStore('read')
    try {
      const reads = store.reads()
      const { PUBLIC_FILE, prepareRecipient } = await import('../../keys/key-files.ts')
      const { join } = await import('node:path')
      const folder = keyFolder(app.settings)
      const hasPublic = existsSync(join(folder, PUBLIC_FILE))
      const current = hasPublic ? prepareRecipient(folder).recipient.keyId : undefined
      const own = await app.privateKeys()
      const signing = await app.signingKeyId()
      const keys = [
        ...(await reads.signingKeys()).map((row) => ({
          kind: 'signing',
          keyId: row.key_id,
          madeAt: formatInstant(row.made_at_us),
          isCurrent: row.key_id === signing,
          privateHere: row.key_id === signing,
        })),
        ...(await reads.recipientKeys()).map((row) => ({
          kind: 'recipient',
          keyId: row.key_id,
          madeAt: formatInstant(row.made_at_us),
          isCurrent: row.key_id === current,
          privateHere: own.has(row.key_id),
        })),
      ]
      app.out.result({ keys }, () =>
        keys.length === 0
          ? terminal`The store has no key yet: "nacre keys init" or a load makes them.`
          : table(
              [
                { title: 'key' },
                { title: 'for' },
                { title: 'made (UTC)' },
                { title: 'in use' },
                { title: 'private half' },
              ],
              keys.map((one) => [
                terminal.own(one.keyId),
                one.kind === 'signing' ? terminal`checkpoints` : terminal`sealed bytes`,
                terminal.own(one.madeAt.slice(0, 19).replace('T', ' ')),
                one.isCurrent ? terminal`yes` : terminal`no`,
                one.privateHere ? terminal`here` : app.out.paint.yellow(terminal`not here`),
              ]),
              '',
            ),
      )
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}

export const keysRotate: Command = {
  name: 'keys rotate',
  summary: 'Make a new recipient key; what is loaded from now on is encrypted to it',
  arguments: '',
  argumentCount: [0, 0],
  options: {},
  examples: ['keys rotate'],
  description:
    'Older batches stay encrypted to the older keys, whose private halves are kept beside the new one. Nothing is encrypted anew:\n' +
    'the seals cover the stored bytes.',
  async run(app) {
    const store = await app.openStore('write')
    try {
      const { rotateRecipient } = await import('../../keys/key-files.ts')
      const { recipient, previous } = rotateRecipient(keyFolder(app.settings))
      await app.recipient(store)
      app.out.result(
        { recipientKey: recipient.keyId, previous: previous.keyId },
        () =>
          terminal`Made the recipient key ${terminal.own(recipient.keyId)} in place of ${terminal.own(previous.keyId)}, whose private half older batches still need.`,
      )
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
}

export const keysExportPublic: Command = {
  name: 'keys export-public',
  summary: 'Print the public half of the recipient key, for another host that loads',
  arguments: '',
  argumentCount: [0, 0],
  options: { output: { type: 'string', value: 'FILE', help: 'write it there' } },
  examples: ['keys export-public', 'keys export-public --output recipient-x25519.pub'],
  async run(app, _args, options) {
    const { exportPublic } = await import('../../keys/key-files.ts')
    const line = exportPublic(keyFolder(app.settings)).trim()
    if (typeof options['output'] === 'string')
      await writeNew(resolve(options['output']), `${line}\n`, false)
    app.out.result({ publicKey: line }, () =>
      typeof options['output'] === 'string'
        ? terminal`Written to ${terminal.own(options['output'])}.`
        : terminal.own(line),
    )
    return EXIT.ok
  },
}
