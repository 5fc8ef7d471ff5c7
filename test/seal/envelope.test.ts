import assert from 'node:assert/strict'
import { createCipheriv, randomBytes } from 'node:crypto'
import { suite, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { SealError } from '../../src/core/errors.ts'
import { type PackedBatch, transferList } from '../../src/core/packed.ts'
import type { Envelope, Recipient, RecipientPrivateKey } from '../../src/core/seal-types.ts'
import { LIMITS } from '../../src/limits.ts'
import { BatchBuilder, ValueDictionary } from '../../src/pipeline/batch-builder.ts'
import { RecordProcessor } from '../../src/pipeline/process-records.ts'
import { newSigningKey } from '../../src/seal/chain.ts'
import {
  decryptBlock,
  encryptBlock,
  loadRecipientPrivate,
  newRecipientKey,
  openEnvelope,
  recipientOf,
  wrapDataKey,
} from '../../src/seal/envelope.ts'
import { blockLeaf, openBlock, RecordSealer } from '../../src/seal/records.ts'
import { storedDigest, viewRoot } from '../../src/seal/view.ts'
import { NOW_US } from '../support/engines.ts'
import { testStages } from '../support/loading.ts'
import { fc } from '../support/property.ts'

const CODEC = 'zstd+aes-256-gcm'
const privateKey = loadRecipientPrivate(newRecipientKey())
const recipient = recipientOf(privateKey.publicKey)
const keys = keysOf(privateKey)

/** Points of small order in their spellings below 2^255 (RFC 7748 section 6.1 has the outcome refused). */
const SMALL_ORDER = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]

function keysOf(...all: readonly RecipientPrivateKey[]): Map<string, RecipientPrivateKey> {
  return new Map(all.map((key) => [key.keyId, key]))
}

function isDamaged(error: unknown): boolean {
  return error instanceof SealError && error.code === 'SEAL_DAMAGED'
}

/** Every copy of the bytes with one bit flipped. */
function* flipped(bytes: Uint8Array): Generator<Uint8Array> {
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const copy = Uint8Array.from(bytes)
    copy[bit >> 3]! ^= 1 << (bit & 7)
    yield copy
  }
}

/** Batches of a processor, from lines of the log. */
function batchesOf(text: string | Buffer, to: Recipient | undefined): PackedBatch[] {
  const processor = new RecordProcessor({
    stages: testStages({ keyOrder: false }, to === undefined ? {} : { recipient: to }),
    nowUs: NOW_US,
    sensor: undefined,
    acceptEnriched: false,
    startOffset: 0,
    dictionary: new ValueDictionary(),
  })
  return [...processor.push(Buffer.from(text)), ...processor.finish('torn-line', undefined)]
}

function line(n: number, input: string): string {
  const timestamp = new Date(Date.UTC(2026, 0, 1) + n * 1000).toISOString()
  const event = { eventid: 'cowrie.command.input', input, timestamp, session: 'a1b2c3d4e5f6' }
  return `${JSON.stringify(event)}\n`
}

/** The sealed bytes of a batch, opened with the keys. */
function loggedBytes(batch: PackedBatch, with_: ReadonlyMap<string, RecipientPrivateKey>): Buffer {
  assert.ok(batch.envelope)
  const dataKey = openEnvelope(with_, batch.envelope)
  assert.ok(dataKey)
  const parts = batch.blocks.map(
    (block, n) => openBlock(block.codec, block.bytes, { dataKey, n, leaf: blockLeaf(block) }).body,
  )
  return Buffer.concat(parts)
}

suite('a batch for a recipient', () => {
  const wild = fc.uint8Array({ maxLength: 300 })

  test('gives back any bytes, with the private key', () => {
    fc.assert(
      fc.property(fc.array(wild, { minLength: 1, maxLength: 20 }), (parts) => {
        const text = Buffer.concat(parts)
        const batches = batchesOf(text, recipient)
        const opened = batches.map((batch) =>
          batch.blocks.length === 0 ? Buffer.alloc(0) : loggedBytes(batch, keys),
        )
        assert.deepEqual(Buffer.concat(opened), text)
      }),
    )
  })

  test('has the same leaves, roots and digests as one for nobody', () => {
    const text = Array.from({ length: 900 }, (_, i) => line(i, 'x'.repeat(i))).join('')
    const [sealed, plain] = [recipient, undefined].map((to) => batchesOf(text, to))
    assert.ok(sealed !== undefined && plain !== undefined && plain.length > 0)
    const facts = (batches: readonly PackedBatch[]) =>
      batches.map(({ recordRoot, rowDigests, blocks }) => ({
        recordRoot,
        rowDigests,
        blocks: blocks.map(({ codec, bytes, ...block }) => block),
      }))
    assert.deepEqual(facts(sealed), facts(plain))
    assert.ok(plain.every((batch) => batch.envelope === undefined))
    assert.ok(plain.every((batch) => batch.blocks.every((block) => block.codec === 'zstd')))
    assert.ok(sealed.every((batch) => batch.blocks.every((block) => block.codec === CODEC)))
    assert.ok(sealed.some((batch) => batch.blocks.length > 1))
  })

  test('stores no byte sequence of the log', () => {
    // Random bytes do not compress: without encryption they lie in the frame as they are.
    const text = Buffer.from(randomBytes(3000).map((byte) => (byte === 0x0a ? 0 : byte)))
    const found = (to: Recipient | undefined) => {
      const bytes = Buffer.concat(
        batchesOf(text, to).flatMap((batch) => batch.blocks.map((block) => block.bytes)),
      )
      assert.ok(bytes.length > text.length)
      return Array.from({ length: text.length - 6 }, (_, i) => text.subarray(i, i + 6)).filter(
        (piece) => bytes.includes(piece),
      ).length
    }
    assert.equal(found(undefined), text.length - 6)
    assert.equal(found(recipient), 0)
  })

  test('does not carry its data key but wrapped', () => {
    const [batch] = batchesOf(line(1, 'ls'), recipient)
    assert.ok(batch?.envelope)
    const dataKey = openEnvelope(keys, batch.envelope)
    assert.ok(dataKey)
    const isIn = (value: unknown): boolean =>
      value instanceof Uint8Array
        ? // Its whole memory goes to the other thread.
          Buffer.from(value.buffer).includes(Buffer.from(dataKey))
        : typeof value === 'object' && value !== null && Object.values(value).some(isIn)
    assert.equal(isIn(batch), false)
  })

  test('goes to another thread whole', () => {
    const [batch] = batchesOf(line(1, 'ls'), recipient)
    assert.ok(batch)
    const { envelope, blocks } = batch
    const moved = structuredClone(batch, { transfer: transferList(batch) })
    assert.ok(isDeepStrictEqual(moved.envelope, envelope))
    assert.deepEqual(loggedBytes(moved, keys), Buffer.from(line(1, 'ls')))
    assert.ok(blocks.length > 0)
  })

  test('has a data key, an ephemeral key and ciphertext of its own, also for the same lines', () => {
    const text = line(1, 'ls')
    const seen = new Set<string>()
    const batches = Array.from({ length: 50 }, () => batchesOf(text, recipient)).flat()
    for (const batch of batches) {
      assert.ok(batch.envelope)
      for (const bytes of [
        openEnvelope(keys, batch.envelope),
        batch.envelope.ephemeral,
        batch.envelope.wrapped,
        batch.blocks[0]?.bytes,
      ]) {
        assert.ok(bytes)
        seen.add(Buffer.from(bytes).toString('hex'))
      }
    }
    assert.equal(seen.size, batches.length * 4)
  })

  test('of one long reading has a key of its own, too', () => {
    const text = Array.from({ length: 9000 }, (_, i) => line(i, `echo ${i}`)).join('')
    const batches = batchesOf(text, recipient)
    assert.ok(batches.length > 1)
    const envelopes = batches.map(({ envelope }) => envelope && openEnvelope(keys, envelope))
    assert.equal(
      new Set(envelopes.map((key) => key && Buffer.from(key).toString('hex'))).size,
      batches.length,
    )
    const opened = batches.map((batch) => loggedBytes(batch, keys))
    assert.deepEqual(Buffer.concat(opened), Buffer.from(text))
  })

  test('without blocks has no envelope', () => {
    const builder = new BatchBuilder(0, new ValueDictionary(), { keyOrder: false }, recipient)
    const batch = builder.finish(false, { ruleSet: 'none', rulesOff: [] })
    assert.deepEqual([batch.blocks.length, batch.envelope], [0, undefined])
  })
})

suite('an encrypted block', () => {
  const dataKey = randomBytes(32)
  const text = Buffer.from(line(1, 'uname -a'))
  const seal = (startOffset: number) => {
    const sealer = new RecordSealer(startOffset, dataKey)
    for (let i = 0; i < 3; i += 1) {
      // Three blocks of the same bytes.
      for (let at = 0; at < LIMITS.blockBytes; at += text.length) sealer.add(text)
    }
    return sealer.finish()
  }
  const sealed = seal(0)
  const [first] = sealed.blocks
  assert.ok(first)
  const leaf = blockLeaf(first)
  const small = encryptBlock(text, { dataKey, n: 0, leaf })

  test('does not open with any bit of ciphertext or tag flipped', () => {
    for (const stored of flipped(small))
      assert.throws(() => decryptBlock(stored, { dataKey, n: 0, leaf }), isDamaged)
  })

  test('does not open with any bit of its leaf flipped', () => {
    for (const other of flipped(leaf))
      assert.throws(() => decryptBlock(small, { dataKey, n: 0, leaf: other }), isDamaged)
  })

  test('does not open with any bit of the data key flipped', () => {
    for (const other of flipped(dataKey))
      assert.throws(() => decryptBlock(small, { dataKey: other, n: 0, leaf }), isDamaged)
  })

  test('does not open under any other number', () => {
    for (const n of [1, 2, 3, 255, 256, 65_536, 2 ** 31, 2 ** 32 - 1])
      assert.throws(() => decryptBlock(small, { dataKey, n, leaf }), isDamaged)
  })

  test('does not open cut short or with bytes behind it', () => {
    for (let length = 0; length < small.length; length += 1)
      assert.throws(
        () => decryptBlock(small.subarray(0, length), { dataKey, n: 0, leaf }),
        isDamaged,
      )
    const longer = Buffer.concat([small, Buffer.of(0)])
    assert.throws(() => decryptBlock(longer, { dataKey, n: 0, leaf }), isDamaged)
  })

  test('does not open in the place of another, though their bytes are the same', () => {
    assert.ok(sealed.blocks.length >= 3)
    const leaves = sealed.blocks.map(blockLeaf)
    sealed.blocks.forEach((block, from) => {
      leaves.forEach((to, n) => {
        const open = () => openBlock(block.codec, block.bytes, { dataKey, n, leaf: to })
        if (n === from) assert.equal(open().lengths.length, block.records)
        else assert.throws(open, isDamaged)
        if (n !== from)
          assert.throws(
            () => openBlock(block.codec, block.bytes, { dataKey, n: from, leaf: to }),
            isDamaged,
          )
      })
    })
  })

  test('does not open in another batch, though leaf and number are the same', () => {
    const [one, other] = [1, 2].map(() => batchesOf(text, recipient)[0])
    assert.ok(one?.envelope && other?.envelope)
    const key = openEnvelope(keys, one.envelope)
    const [mine, foreign] = [one.blocks[0], other.blocks[0]]
    assert.ok(key && mine && foreign)
    const place = blockLeaf(mine)
    assert.deepEqual(place, blockLeaf(foreign))
    assert.throws(
      () => openBlock(CODEC, foreign.bytes, { dataKey: key, n: 0, leaf: place }),
      isDamaged,
    )
    openBlock(CODEC, mine.bytes, { dataKey: key, n: 0, leaf: place })
  })

  test('says that the key is missing when none is given', () => {
    assert.throws(
      () => openBlock(CODEC, first.bytes),
      (error) => error instanceof SealError && error.code === 'SEAL_NO_PRIVATE_KEY',
    )
  })

  test('is not taken for an unencrypted one, nor the other way round', () => {
    assert.throws(() => openBlock('zstd', first.bytes))
    const plain = new RecordSealer(0)
    plain.add(text)
    const [block] = plain.finish().blocks
    assert.ok(block)
    assert.throws(
      () => openBlock(CODEC, block.bytes, { dataKey, n: 0, leaf: blockLeaf(block) }),
      isDamaged,
    )
    assert.throws(() => openBlock('aes-256-gcm', first.bytes, { dataKey, n: 0, leaf }))
  })

  test('never has the nonce of another block of its batch', () => {
    // The same content under the same key and leaf: equal nonces would give equal bytes.
    const made = Array.from({ length: 300 }, (_, n) => encryptBlock(text, { dataKey, n, leaf }))
    assert.equal(new Set(made.map((bytes) => Buffer.from(bytes).toString('hex'))).size, 300)
    for (const n of [-1, 2 ** 32])
      assert.throws(() => encryptBlock(text, { dataKey, n, leaf }), RangeError)
  })

  test('is what the format page says', () => {
    const nonce = Buffer.concat([Buffer.alloc(8), Buffer.of(2, 1, 0, 0)])
    const cipher = createCipheriv('aes-256-gcm', dataKey, nonce).setAAD(leaf)
    const expected = Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()])
    assert.deepEqual(Buffer.from(encryptBlock(text, { dataKey, n: 258, leaf })), expected)
  })
})

suite('an envelope', () => {
  const dataKey = randomBytes(32)
  const envelope = wrapDataKey(recipient, dataKey, randomBytes(32))

  test('opens with the key it names', () => {
    assert.deepEqual(Buffer.from(openEnvelope(keys, envelope) ?? []), dataKey)
    const other = loadRecipientPrivate(newRecipientKey())
    assert.ok(openEnvelope(keysOf(other, privateKey), envelope))
  })

  test('is no fault where that key is not at hand', () => {
    assert.equal(openEnvelope(new Map(), envelope), undefined)
    const other = loadRecipientPrivate(newRecipientKey())
    assert.equal(openEnvelope(keysOf(other), envelope), undefined)
  })

  test('does not open with another key under the name of the right one', () => {
    const other = loadRecipientPrivate(newRecipientKey())
    assert.throws(() => openEnvelope(new Map([[envelope.keyId, other]]), envelope), isDamaged)
  })

  test('does not open with any bit of it flipped', () => {
    for (const ephemeral of flipped(envelope.ephemeral))
      assert.throws(() => openEnvelope(keys, { ...envelope, ephemeral }), isDamaged)
    for (const wrapped of flipped(envelope.wrapped))
      assert.throws(() => openEnvelope(keys, { ...envelope, wrapped }), isDamaged)
  })

  test('does not open cut short or with bytes behind it', () => {
    for (const name of ['ephemeral', 'wrapped'] as const) {
      const bytes = envelope[name]
      for (const other of [
        new Uint8Array(0),
        bytes.subarray(1),
        bytes.subarray(0, -1),
        Buffer.concat([bytes, Buffer.of(0)]),
      ])
        assert.throws(() => openEnvelope(keys, { ...envelope, [name]: other }), isDamaged)
    }
  })

  test('with a point that makes no secret is refused', () => {
    for (const ephemeral of SMALL_ORDER.map((digits) => Buffer.from(digits, 'hex')))
      assert.throws(() => openEnvelope(keys, { ...envelope, ephemeral }), isDamaged)
  })

  test('is covered by the view root, and so is the ciphertext', () => {
    const storedDigests = [1, 2, 3].map((n) => storedDigest(Buffer.of(n)))
    const full = { ...envelope, storedDigests }
    const root = (one: Envelope & { storedDigests: readonly Uint8Array[] }) =>
      Buffer.from(viewRoot([], [], [], one)).toString('hex')
    const right = root(full)
    const others = [
      ...[...flipped(envelope.ephemeral)].map((ephemeral) => ({ ...full, ephemeral })),
      ...[...flipped(envelope.wrapped)].map((wrapped) => ({ ...full, wrapped })),
      { ...full, keyId: `${envelope.keyId.slice(0, -1)}x` },
      { ...full, storedDigests: storedDigests.toReversed() },
      { ...full, storedDigests: storedDigests.slice(1) },
      { ...full, storedDigests: [...storedDigests, storedDigest(Buffer.of(4))] },
    ]
    assert.equal(new Set([right, ...others.map(root)]).size, others.length + 1)
  })
})

suite('a recipient', () => {
  test('is the same from the private and from the public half', () => {
    assert.equal(privateKey.keyId, recipient.keyId)
    assert.deepEqual(privateKey.publicKey, recipient.publicKey)
    assert.match(recipient.keyId, /^[0-9a-f]{16}$/)
  })

  test('is plain data that can go to another thread', () => {
    assert.deepEqual(structuredClone(recipient), recipient)
  })

  test('is refused when nobody could open what is sealed to it, or everybody', () => {
    for (const digits of SMALL_ORDER)
      assert.throws(() => recipientOf(Buffer.from(digits, 'hex')), digits)
    for (const length of [0, 31, 33, 64]) assert.throws(() => recipientOf(new Uint8Array(length)))
    // The same point in another spelling.
    const high = Uint8Array.from(recipient.publicKey)
    high[31]! |= 0x80
    assert.throws(() => recipientOf(high), /canonical/)
    assert.throws(() => recipientOf(Buffer.from(`f6${'ff'.repeat(30)}7f`, 'hex')), /canonical/)
  })

  test('is no key for signatures', () => {
    assert.throws(() => loadRecipientPrivate(newSigningKey()), /not an X25519 key/)
    assert.throws(() => loadRecipientPrivate(''))
  })
})
