import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { LIMITS } from '../../src/limits.ts'
import { readTtyLog, type TtyReading } from '../../src/replay/ttylog.ts'
import { fc } from '../support/property.ts'
import { record, START, ttyLog } from './ttylogs.ts'

function read(bytes: Uint8Array, isWhole = true): TtyReading & { readonly texts: string[] } {
  const texts: string[] = []
  const reading = readTtyLog(bytes, isWhole, ({ direction, data }) => {
    texts.push(`${direction} ${Buffer.from(data).toString('latin1')}`)
    return data.length
  })
  return { ...reading, texts }
}

const WHOLE = ttyLog([{ data: 'ls\n', direction: 1 }, 'a b\n', { data: 'uname', direction: 3 }])

test('records come in their order with whose they are, and the end is seen', () => {
  const { texts, end, at, inputSha256 } = read(WHOLE)
  assert.deepEqual(texts, ['input ls\n', 'output a b\n', 'command uname'])
  assert.equal(end, 'closed')
  assert.equal(at, WHOLE.length)
  assert.equal(inputSha256, createHash('sha256').update('ls\nuname').digest('hex'))
})

test('a recording without its closing record is open', () => {
  assert.equal(read(WHOLE.subarray(0, -24)).end, 'open')
})

test('a torn record gives the bytes that are there', () => {
  const torn = read(
    Buffer.concat([record(1, 0, 0, START), record(3, 10, 2, START), Buffer.from('abc')]),
  )
  assert.deepEqual([torn.end, torn.texts], ['torn', ['output abc']])
  assert.equal(read(WHOLE.subarray(0, 24 + 5)).end, 'torn')
})

test('a record that is none ends the reading where it stands', () => {
  const good = ttyLog(['a'])
  for (const bad of [
    record(3, -1, 2, START),
    record(9, 0, 0, START),
    record(3, 1, 7, START, Buffer.from('x')),
    record(1, 5, 0, START, Buffer.from('12345')),
    Buffer.alloc(24, 0xff),
  ]) {
    const { end, at, texts } = read(Buffer.concat([good, bad]))
    assert.deepEqual([end, at, texts], ['damaged', good.length, ['output a']])
  }
})

test('a length beyond the file claims nothing', () => {
  const { end, texts } = read(Buffer.concat([ttyLog(['a']), record(3, 0x7fffffff, 2, START)]))
  assert.deepEqual([end, texts], ['torn', ['output a']])
})

test('what is no recording is foreign, and nothing is empty', () => {
  assert.equal(read(Buffer.from('{"eventid":"cowrie.session.connect"}')).end, 'foreign')
  assert.equal(read(Buffer.from('short')).end, 'foreign')
  assert.equal(read(new Uint8Array()).end, 'empty')
})

test('the beginning of a longer file, and too many records, are too long', () => {
  assert.equal(read(WHOLE.subarray(0, -30), false).end, 'too-long')
  const many = Buffer.concat(
    Array.from({ length: LIMITS.replayRecordsMax + 2 }, () => record(1, 0, 0, START)),
  )
  assert.equal(read(many).end, 'too-long')
})

test('who takes fewer bytes ends the reading there', () => {
  const reading = readTtyLog(ttyLog(['abcdef']), true, () => 2)
  assert.deepEqual([reading.end, reading.at], ['too-long', 24 + 24 + 2])
})

test('any bytes are read without an error, and never beyond them', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, isWhole) => {
      for (const one of [bytes, Buffer.concat([ttyLog(['a']), bytes])]) {
        const { at } = read(one, isWhole)
        assert.ok(at >= 0 && at <= one.length)
      }
    }),
  )
})
