/** Derived tables that are not what the events say are found, and made again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reconcile } from '../../src/pipeline/reconcile.ts'
import { verifyStore } from '../../src/pipeline/verify.ts'
import { eachEngine } from '../support/engines.ts'
import { events, Lab, lines, registry, VERIFY_ALL, VERSIONS } from '../support/loading.ts'

eachEngine(() => {
  async function loaded(): Promise<Lab> {
    const lab = await Lab.open()
    // More than one page of events, sessions that go on in the next, an odd session, drift.
    const many = Array.from({ length: 3 }, (_, n) =>
      events(2_000, { eventid: n === 0 ? 'cowrie.session.connect' : 'cowrie.login.failed', n }),
    ).flat()
    lab.write(
      'cowrie.json',
      lines([...many, ...events(5, { session: '' }), ...events(5, { session: 'ODD' })]),
    )
    await lab.load()
    return lab
  }
  const problemsOf = async (lab: Lab): Promise<readonly string[]> => {
    const verdict = await verifyStore(lab.store.reads(), VERIFY_ALL)
    return [verdict.summaries, verdict.view, verdict.seals, verdict.journal].flatMap(
      (one) => one.problems,
    )
  }

  test('a store that is as it should be is left alone', async () => {
    await using lab = await loaded()
    const writer = lab.store.writer(VERSIONS)
    const result = await reconcile(lab.store.reads(), writer, registry, false, VERIFY_ALL.signal)
    assert.deepEqual(result, { differences: [], rebuilt: false })
  })

  test('verification and reconciliation end when they are told to, also on an engine that never waits', async () => {
    await using lab = await loaded()
    const reads = lab.store.reads()
    const writer = lab.store.writer(VERSIONS)
    const stopped = (): AbortSignal => {
      const controller = new AbortController()
      setImmediate(() => controller.abort(new Error('told to stop')))
      return controller.signal
    }
    await assert.rejects(verifyStore(reads, { ...VERIFY_ALL, signal: stopped() }), /told to stop/)
    await assert.rejects(reconcile(reads, writer, registry, true, stopped()), /told to stop/)
    await writer.close()
  })

  test('summaries that are made again stay as they were when that is stopped half-way', async () => {
    await using lab = await loaded()
    await lab.tamper('update sessions set event_count = event_count + 1')
    const reads = lab.store.reads()
    const writer = lab.store.writer(VERSIONS)
    const controller = new AbortController()
    const stopped = reconcile(
      reads,
      {
        releaseHeld: (...given) => writer.releaseHeld(...given),
        rebuildSummaries(batches, differences) {
          setImmediate(() => controller.abort(new Error('told to stop')))
          // So long that the next page gives its turn away.
          for (const until = performance.now() + 60; performance.now() < until; );
          return writer.rebuildSummaries(batches, differences)
        },
      },
      registry,
      false,
      controller.signal,
    )
    await assert.rejects(stopped, /told to stop/)
    assert.notDeepEqual(await problemsOf(lab), [])
    const again = await reconcile(reads, writer, registry, false, VERIFY_ALL.signal)
    assert.equal(again.rebuilt, true)
    await writer.close()
    assert.deepEqual(await problemsOf(lab), [])
  })

  for (const statement of [
    'update sessions set event_count = event_count + 1, src_ip = null',
    'delete from session_values where count > 0',
    'update daily_values set sessions = 7',
    'delete from daily_events where count > 0',
    'update schema_drift set count = 1',
  ]) {
    test(`${statement}: found, and made again`, async () => {
      await using lab = await loaded()
      await lab.tamper(statement)
      assert.notDeepEqual(await problemsOf(lab), [])
      const writer = lab.store.writer(VERSIONS)
      const dry = await reconcile(lab.store.reads(), writer, registry, true, VERIFY_ALL.signal)
      assert.ok(dry.differences.length > 0 && !dry.rebuilt)
      const result = await reconcile(lab.store.reads(), writer, registry, false, VERIFY_ALL.signal)
      await writer.close()
      assert.equal(result.rebuilt, true)
      assert.deepEqual(await problemsOf(lab), [])
      // It goes on as before.
      lab.write('more.json', lines(events(10, { sensor: 'another' })))
      assert.equal((await lab.load()).totals.stored, 10)
      assert.deepEqual(await problemsOf(lab), [])
    })
  }
})
