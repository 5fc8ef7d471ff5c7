import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { appendFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { LIMITS } from '../../src/limits.ts'
import { type RecordedFile, readRecorded, readTtyFile } from '../../src/replay/file.ts'
import { ReplayPool } from '../../src/replay/pool.ts'
import { DEFAULT_SIZE, type Replay } from '../../src/replay/replay.ts'
import { temporaryFolder } from '../support/cli.ts'
import { START, ttyLog } from './ttylogs.ts'

const SPAN = [START * 1e6, START * 1e6 + 1e6] as const

function recorded(folder: string, name: string, bytes: Uint8Array): RecordedFile {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  return { path, size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
}

test('a recorded file is read when it is the same, and told when it is not', (t) => {
  const folder = temporaryFolder(t)
  const file = recorded(folder, 'a', ttyLog(['a']))
  const read = readRecorded([file])
  assert.ok(typeof read !== 'string' && read.isWhole && read.sha256 === file.sha256)
  // Same length, other bytes.
  writeFileSync(file.path, ttyLog(['b']))
  assert.equal(readRecorded([file]), 'changed')
  writeFileSync(file.path, ttyLog(['a']))
  appendFileSync(file.path, 'more')
  assert.equal(readRecorded([file]), 'changed')
  rmSync(file.path)
  assert.equal(readRecorded([file]), 'missing')
  assert.equal(readRecorded([]), 'missing')
})

test('a copy elsewhere is taken where one is gone', (t) => {
  const folder = temporaryFolder(t)
  const gone = recorded(folder, 'a', ttyLog(['a']))
  const copy = recorded(folder, 'b', ttyLog(['a']))
  rmSync(gone.path)
  assert.notEqual(typeof readRecorded([gone, copy]), 'string')
})

test('neither links nor pipes nor folders are read', (t) => {
  const folder = temporaryFolder(t)
  const file = recorded(folder, 'a', ttyLog(['a']))
  symlinkSync(file.path, join(folder, 'link'))
  spawnSync('mkfifo', [join(folder, 'pipe')])
  for (const name of ['link', 'pipe', '.', 'none'])
    assert.equal(readTtyFile(join(folder, name)), undefined, name)
})

test('a file that is longer than what is played is hashed whole and known to go on', (t) => {
  const path = join(temporaryFolder(t), 'a')
  writeFileSync(path, ttyLog(['a']))
  truncateSync(path, LIMITS.replayFileBytesMax + 5)
  const file = readTtyFile(path)!
  assert.deepEqual([file.bytes.length, file.isWhole], [LIMITS.replayFileBytesMax, false])
  assert.equal(file.size, LIMITS.replayFileBytesMax + 5)
})

test('a thread makes frames and asciicasts, one after the other', async (t) => {
  const folder = temporaryFolder(t)
  const pool = new ReplayPool()
  t.after(() => pool.close())
  const job = {
    files: [recorded(folder, 'a', ttyLog(['hello\n']))],
    size: DEFAULT_SIZE,
    span: SPAN,
  }
  const [frames, cast] = await Promise.all([
    pool.make({ form: 'frames', ...job }),
    pool.make({ form: 'asciicast', ...job }),
  ])
  assert.deepEqual((JSON.parse(frames) as Replay).transcript, ['hello'])
  assert.equal(cast.split('\n').length, 2)
  // Made of the same bytes: kept, though the file is gone.
  rmSync(job.files[0]!.path)
  assert.equal(await pool.make({ form: 'frames', ...job }), frames)
})

test('files that are gone or changed are errors of their own', async (t) => {
  const folder = temporaryFolder(t)
  const pool = new ReplayPool()
  t.after(() => pool.close())
  const file = recorded(folder, 'a', ttyLog(['a']))
  const make = (files: readonly RecordedFile[]) =>
    pool.make({ form: 'frames', files, size: DEFAULT_SIZE, span: SPAN })
  await assert.rejects(make([]), { code: 'REPLAY_NO_FILE' })
  writeFileSync(file.path, ttyLog(['b']))
  await assert.rejects(make([file]), { code: 'REPLAY_CHANGED' })
})

test('what takes too long is given up, and the next is made', async (t) => {
  const folder = temporaryFolder(t)
  const pool = new ReplayPool(0)
  t.after(() => pool.close())
  const flood = recorded(folder, 'a', ttyLog([{ data: Buffer.alloc(16_000_000, 'x\n') }]))
  await assert.rejects(
    pool.make({ form: 'frames', files: [flood], size: DEFAULT_SIZE, span: SPAN }),
    { code: 'REPLAY_FAILED' },
  )
  const patient = new ReplayPool()
  t.after(() => patient.close())
  await patient.make({ form: 'frames', files: [flood], size: DEFAULT_SIZE, span: SPAN })
})

test('more than wait are refused, and who left is not worked for', async (t) => {
  const folder = temporaryFolder(t)
  const pool = new ReplayPool()
  t.after(() => pool.close())
  const files = [recorded(folder, 'a', ttyLog(['a']))]
  const jobs = Array.from({ length: LIMITS.replayWaitingMax }, (_, i) =>
    pool.make({ form: 'frames', files, size: { columns: 20 + i, rows: 5 }, span: SPAN }),
  )
  await assert.rejects(
    pool.make({ form: 'frames', files, size: { columns: 100, rows: 5 }, span: SPAN }),
    { code: 'REPLAY_BUSY' },
  )
  await Promise.all(jobs)
  await assert.rejects(
    pool.make({ form: 'frames', files, size: DEFAULT_SIZE, span: SPAN }, AbortSignal.abort()),
    { name: 'AbortError' },
  )
})
