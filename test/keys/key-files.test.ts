import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, suite, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import {
  exportPublic,
  PRIVATE_FILE,
  PUBLIC_FILE,
  prepareRecipient,
  privateKeys,
  rotateRecipient,
} from '../../src/keys/key-files.ts'
import { newSigningKey } from '../../src/seal/chain.ts'
import {
  loadRecipientPrivate,
  newRecipientKey,
  openEnvelope,
  wrapDataKey,
} from '../../src/seal/envelope.ts'

const isRoot = process.getuid?.() === 0
const SOURCE = pathToFileURL(join(import.meta.dirname, '../../src/keys/key-files.ts')).href

let base = ''
/** Not there at first: it is made. */
let folder = ''
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'nacre-keys-'))
  folder = join(base, 'data/keys')
})
afterEach(() => rmSync(base, { recursive: true, force: true }))

const path = (name: string) => join(folder, name)
const files = () => readdirSync(folder).sort()
const fails = (code: string, what: () => unknown, message = /./) =>
  assert.throws(what, (error: Error & { code?: string }) => {
    assert.equal(error.code, code)
    assert.match(error.message, message)
    return true
  })

/** Whether what is sealed to the recipient in use can be opened with the keys at hand. */
function opens(extraFile?: string): boolean {
  const { recipient } = prepareRecipient(folder)
  const dataKey = Buffer.alloc(32, 7)
  const envelope = wrapDataKey(recipient, dataKey, Buffer.alloc(32, 9))
  const opened = openEnvelope(privateKeys(folder, extraFile).keys, envelope)
  return opened !== undefined && dataKey.equals(opened)
}

suite('the pair of the recipient', () => {
  test('is made once, and then stays', () => {
    const first = prepareRecipient(folder)
    assert.equal(first.made, true)
    assert.deepEqual(files(), [PRIVATE_FILE, PUBLIC_FILE])
    assert.deepEqual(prepareRecipient(folder), { recipient: first.recipient, made: false })
    assert.ok(opens())
  })

  test('is for its owner alone', { skip: process.platform === 'win32' }, () => {
    prepareRecipient(folder)
    assert.equal(statSync(path(PRIVATE_FILE)).mode & 0o777, 0o600)
    assert.equal(statSync(folder).mode & 0o777, 0o700)
    assert.deepEqual(privateKeys(folder).warnings, [])
  })

  test('has a public line of one form, with the id of the key', () => {
    const { recipient } = prepareRecipient(folder)
    const key = Buffer.from(recipient.publicKey).toString('base64url')
    const line = `nacre-x25519 ${key} ${recipient.keyId}\n`
    assert.equal(readFileSync(path(PUBLIC_FILE), 'utf8'), line)
    assert.equal(exportPublic(folder), line)
  })

  test('seals with the public half alone', () => {
    const { recipient } = prepareRecipient(folder)
    const away = join(base, 'media.pem')
    renameSync(path(PRIVATE_FILE), away)
    assert.deepEqual(prepareRecipient(folder), { recipient, made: false })
    assert.deepEqual(files(), [PUBLIC_FILE])
    assert.equal(opens(), false)
    assert.ok(opens(away))
  })

  test('gets its public half anew from the private one', () => {
    const { recipient } = prepareRecipient(folder)
    const line = exportPublic(folder)
    rmSync(path(PUBLIC_FILE))
    assert.deepEqual(prepareRecipient(folder), { recipient, made: false })
    assert.equal(exportPublic(folder), line)
  })

  test('is refused when its halves do not belong together', () => {
    prepareRecipient(folder)
    writeFileSync(path(PRIVATE_FILE), newRecipientKey())
    fails('SEAL_WRONG_KEY', () => prepareRecipient(folder))
    fails('SEAL_WRONG_KEY', () => rotateRecipient(folder))
  })

  for (const [what, text] of [
    ['empty', ''],
    ['no key', 'hello\n'],
    ['a key for signatures', newSigningKey()],
    ['cut short', newRecipientKey().slice(0, 70)],
  ] as const) {
    test(`is refused when the private file is ${what}`, () => {
      prepareRecipient(folder)
      writeFileSync(path(PRIVATE_FILE), text)
      fails('SEAL_RECIPIENT_UNREADABLE', () => prepareRecipient(folder))
      rmSync(path(PUBLIC_FILE))
      fails('SEAL_RECIPIENT_UNREADABLE', () => prepareRecipient(folder))
      assert.equal(readFileSync(path(PRIVATE_FILE), 'utf8'), text)
    })
  }

  test('is refused when any character of the public line is another', () => {
    prepareRecipient(folder)
    const line = readFileSync(path(PUBLIC_FILE), 'utf8')
    for (let i = 0; i < line.length - 1; i += 1) {
      const other = line[i] === 'b' ? 'c' : 'b'
      writeFileSync(path(PUBLIC_FILE), line.slice(0, i) + other + line.slice(i + 1))
      fails('SEAL_RECIPIENT_UNREADABLE', () => prepareRecipient(folder))
    }
    for (const text of ['', line.trim().slice(0, -1), `${line}${line}`, `x${line}`]) {
      writeFileSync(path(PUBLIC_FILE), text)
      fails('SEAL_RECIPIENT_UNREADABLE', () => prepareRecipient(folder))
    }
  })

  test('tells of a folder that cannot be written', { skip: isRoot }, () => {
    mkdirSync(folder, { recursive: true, mode: 0o500 })
    fails('SEAL_RECIPIENT_UNREADABLE', () => prepareRecipient(folder), /cannot be written/)
    chmodSync(folder, 0o700)
  })

  test('tells of a file where the folder should be', () => {
    writeFileSync(join(base, 'data'), '')
    fails('SEAL_RECIPIENT_UNREADABLE', () => prepareRecipient(folder), /cannot be written/)
  })
})

suite('the private keys at hand', () => {
  test('are none where there is no folder', () => {
    assert.deepEqual(privateKeys(folder), { keys: new Map(), warnings: [] })
  })

  test('are those of the folder and one more file', () => {
    const first = prepareRecipient(folder).recipient
    const second = rotateRecipient(folder).recipient
    const away = join(base, 'media.pem')
    const third = newRecipientKey()
    writeFileSync(away, third, { mode: 0o600 })
    const { keys, warnings } = privateKeys(folder, away)
    assert.deepEqual(
      [...keys.keys()].sort(),
      [first.keyId, second.keyId, loadRecipientPrivate(third).keyId].sort(),
    )
    assert.deepEqual(warnings, [])
  })

  test('do not include the key that signs', () => {
    prepareRecipient(folder)
    writeFileSync(path('checkpoint-ed25519.pem'), newSigningKey(), { mode: 0o600 })
    const { keys, warnings } = privateKeys(folder)
    assert.deepEqual([keys.size, warnings], [1, []])
  })

  test('come with a warning when others can read them', {
    skip: process.platform === 'win32',
  }, () => {
    prepareRecipient(folder)
    for (const mode of [0o640, 0o604, 0o660]) {
      chmodSync(path(PRIVATE_FILE), mode)
      const { keys, warnings } = privateKeys(folder)
      assert.equal(keys.size, 1)
      assert.equal(warnings.length, 1)
      assert.match(warnings[0] ?? '', /Other users can read/)
    }
  })

  test('go without a damaged file of the folder, which is told', () => {
    const { recipient } = prepareRecipient(folder)
    writeFileSync(path('recipient-0123456789abcdef.pem'), 'damaged', { mode: 0o600 })
    const { keys, warnings } = privateKeys(folder)
    assert.deepEqual([...keys.keys()], [recipient.keyId])
    assert.match(warnings.join(), /recipient-0123456789abcdef\.pem cannot be used/)
  })

  test('are refused when the further file cannot be used', () => {
    prepareRecipient(folder)
    const away = join(base, 'media.pem')
    fails('SEAL_RECIPIENT_UNREADABLE', () => privateKeys(folder, away))
    writeFileSync(away, exportPublic(folder))
    fails('SEAL_RECIPIENT_UNREADABLE', () => privateKeys(folder, away))
  })
})

suite('a rotation', () => {
  test('changes the recipient and keeps what opened', () => {
    const first = prepareRecipient(folder).recipient
    const old = readFileSync(path(PRIVATE_FILE), 'utf8')
    const { recipient, previous } = rotateRecipient(folder)
    assert.deepEqual(previous, first)
    assert.notEqual(recipient.keyId, first.keyId)
    assert.deepEqual(prepareRecipient(folder), { recipient, made: false })
    assert.deepEqual(files(), [`recipient-${first.keyId}.pem`, PRIVATE_FILE, PUBLIC_FILE].sort())
    assert.equal(readFileSync(path(`recipient-${first.keyId}.pem`), 'utf8'), old)
    assert.ok(opens())
  })

  test('works where the private half lives elsewhere', () => {
    const first = prepareRecipient(folder).recipient
    renameSync(path(PRIVATE_FILE), join(base, 'media.pem'))
    const { recipient, previous } = rotateRecipient(folder)
    assert.deepEqual(previous, first)
    assert.deepEqual(files(), [PRIVATE_FILE, PUBLIC_FILE])
    assert.deepEqual([...privateKeys(folder).keys.keys()], [recipient.keyId])
  })

  test('never writes over a private file of the same name', () => {
    const first = prepareRecipient(folder).recipient
    const other = newRecipientKey()
    writeFileSync(path(`recipient-${first.keyId}.pem`), other, { mode: 0o600 })
    rotateRecipient(folder)
    const { keys } = privateKeys(folder)
    assert.ok(keys.has(first.keyId))
    assert.ok(keys.has(loadRecipientPrivate(other).keyId))
    assert.ok(opens())
  })

  test('by two at once leaves a recipient whose sealed bytes open', () => {
    const { recipient: first } = prepareRecipient(folder)
    rotateRecipient(folder)
    const [line, pem] = [PUBLIC_FILE, PRIVATE_FILE].map((name) => readFileSync(path(name)))
    assert.ok(line !== undefined && pem !== undefined)
    const { recipient } = rotateRecipient(folder)
    // The other one placed its private file, this one its public one.
    renameSync(path(PRIVATE_FILE), path(`recipient-${recipient.keyId}.pem`))
    writeFileSync(path(PRIVATE_FILE), pem)
    assert.ok(opens())
    assert.ok(privateKeys(folder).keys.has(first.keyId))
    rotateRecipient(folder)
    assert.ok(opens())
  })

  test('that was stopped anywhere leaves a recipient whose sealed bytes open', () => {
    let stops = 0
    for (; ; stops += 1) {
      rmSync(folder, { recursive: true, force: true })
      const { recipient: first } = prepareRecipient(folder)
      const isDone = !stoppedAt(stops, 'rotateRecipient')
      assert.equal(prepareRecipient(folder).made, false)
      assert.ok(opens(), `stopped before step ${stops}: ${files()}`)
      const { keys, warnings } = privateKeys(folder)
      assert.ok(keys.has(first.keyId))
      assert.deepEqual(warnings, [])
      // Again, and to the end.
      const { recipient } = rotateRecipient(folder)
      assert.deepEqual(prepareRecipient(folder).recipient, recipient)
      assert.ok(opens())
      for (const keyId of keys.keys()) assert.ok(privateKeys(folder).keys.has(keyId))
      if (isDone) break
    }
    assert.ok(stops >= 10, `${stops}`)
  })
})

test('a pair whose making was stopped anywhere is completed or made anew', () => {
  let stops = 0
  for (; ; stops += 1) {
    rmSync(folder, { recursive: true, force: true })
    const isDone = !stoppedAt(stops, 'prepareRecipient')
    const isThere = existsSync(path(PRIVATE_FILE))
    assert.equal(prepareRecipient(folder).made, !isThere)
    assert.ok(opens(), `stopped before step ${stops}: ${files()}`)
    if (isDone) break
  }
  assert.ok(stops >= 5, `${stops}`)
})

/** Runs a function of the module in a process that ends before the n-th change of a file. @returns whether it did */
function stoppedAt(n: number, name: 'prepareRecipient' | 'rotateRecipient'): boolean {
  const script = `
    import fs from 'node:fs'
    import { syncBuiltinESMExports } from 'node:module'
    let left = ${n}
    for (const name of ['mkdirSync', 'openSync', 'writeSync', 'fsyncSync', 'linkSync', 'renameSync', 'rmSync']) {
      const real = fs[name]
      fs[name] = (...args) => {
        if (left-- === 0) process.kill(process.pid, 'SIGKILL')
        return real(...args)
      }
    }
    syncBuiltinESMExports()
    const keys = await import(${JSON.stringify(SOURCE)})
    keys[${JSON.stringify(name)}](${JSON.stringify(folder)})`
  const { signal, status, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', script],
    { encoding: 'utf8' },
  )
  assert.ok(signal === 'SIGKILL' || status === 0, stderr)
  return signal === 'SIGKILL'
}
