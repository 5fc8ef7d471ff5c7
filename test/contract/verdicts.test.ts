/** Verdicts: stored beside events, summed up, made again by other rules. */
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { type PlainObject, parseJson } from '../../src/core/json.ts'
import { LIMITS } from '../../src/limits.ts'
import { EventScorer } from '../../src/neutralize/score.ts'
import { standardRules } from '../../src/neutralize/standard-rules.ts'
import { type Recomputation, recompute } from '../../src/pipeline/recompute.ts'
import { reconcile } from '../../src/pipeline/reconcile.ts'
import { fingerprint } from '../../src/store/repo/stats.ts'
import { eachEngine } from '../support/engines.ts'
import {
  events,
  type Fields,
  Lab,
  lines,
  registry,
  rules,
  type StandardRules,
  VERIFY_ALL,
  VERSIONS,
  withLimits,
} from '../support/loading.ts'
import {
  answersOf,
  approveIn,
  HAZARDS,
  heldEvents,
  NONE,
  problemsOf,
  rejectIn,
} from '../support/review.ts'

/** Rules of a folder that differs from that of this checkout. */
type Variants = {
  /** Without the rule for downloads. */
  readonly less: StandardRules
  /** With one more, for a word that the logs of these tests have. */
  readonly more: StandardRules
  /** The rule for downloads scores 77 instead of 50, and that of the clipboard 10. */
  readonly other: StandardRules
}

const DOWNLOAD = 'threat.download.from-address'
const CLIPBOARD = 'hazard.terminal.clipboard'
const WORD = 'threat.test.word'

const folders: string[] = []
let variants: Variants

function rulesWith(change: (folder: string) => void): StandardRules {
  const folder = mkdtempSync(join(tmpdir(), 'nacre-test-rules-'))
  folders.push(folder)
  cpSync(new URL('../../rules/', import.meta.url), folder, { recursive: true })
  change(folder)
  return standardRules(pathToFileURL(`${folder}/`))
}

function rescore(folder: string, id: string, score: number): void {
  const path = join(folder, `${id}.json`)
  const rule = JSON.parse(readFileSync(path, 'utf8')) as object
  writeFileSync(path, JSON.stringify({ ...rule, score }))
}

before(() => {
  variants = {
    less: rulesWith((folder) => rmSync(join(folder, `${DOWNLOAD}.json`))),
    more: rulesWith((folder) =>
      writeFileSync(
        join(folder, `${WORD}.json`),
        JSON.stringify({
          id: WORD,
          version: 1,
          axis: 'threat',
          score: 60,
          title: 'A word of the tests',
          reason: 'A test needs it. Source: https://rules.example/',
          pattern: 'frobnicate',
          on: ['command'],
          techniques: ['T1059'],
          literals: ['frobnicate'],
          matches: ['frobnicate now'],
          misses: ['nothing'],
        }),
      ),
    ),
    other: rulesWith((folder) => {
      rescore(folder, DOWNLOAD, 77)
      rescore(folder, CLIPBOARD, 10)
    }),
  }
})
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

const command = (count: number, input: string, more: Fields = {}): Fields[] =>
  events(count, { eventid: 'cowrie.command.input', input, ...more })

/** Ordinary ones, downloads, a word that no rule of this checkout knows, hazards; sessions with several of them. */
const LOG: readonly Fields[] = [
  ...events(6),
  ...command(5, 'wget http://192.0.2.9/x'),
  ...command(4, 'frobnicate', { sensor: 'sensor-2' }),
  ...command(3, 'frobnicate; wget http://192.0.2.9/x', { session: '' }),
  ...command(2, 'cat /etc/passwd', { session: 'odd one' }),
  ...command(2, 'wget http://192.0.2.9/y', { session: 'odd one' }),
  ...events(3, { ...HAZARDS[0], session: 'odd one' }),
  ...events(2, { ...HAZARDS[1] }),
]

const IDLE = new AbortController().signal

eachEngine((engine) => {
  async function loaded(options: Parameters<Lab['load']>[0] = {}): Promise<Lab> {
    const lab = await Lab.open()
    lab.write('a.json', lines(LOG))
    await withLimits({ batchRecordsMax: 8 }, () => lab.load(options))
    return lab
  }

  const run = (
    lab: Lab,
    by: StandardRules,
    more: Partial<Parameters<typeof recompute>[1]> = {},
  ): Promise<Recomputation> =>
    recompute(lab.store, {
      rules: by,
      holdHazard: LIMITS.holdHazard,
      dryRun: false,
      actor: 'alice',
      reason: 'other rules',
      signal: IDLE,
      progress: () => {},
      ...more,
    })

  /** Verdict of each event, stored or withheld, by its key. */
  async function verdictsOf(lab: Lab) {
    const found = new Map<string, object | null>()
    for (const table of ['raw_events', 'held_events']) {
      const rows = await lab.all<Record<string, unknown>>(
        `select event_time_us, ${table}.digest as digest, session_key, threat, hazard, hits, layers, verdict_id
           from ${table} left join verdicts on verdicts.id = verdict_id`,
      )
      for (const row of rows) {
        const { threat, hazard, hits, layers } = row
        const key = `${row['event_time_us']} ${row['session_key']} ${Buffer.from(row['digest'] as Buffer).toString('hex')}`
        if (row['verdict_id'] !== 0) assert.notEqual(hits, null, 'the verdict is there')
        found.set(key, hits === null ? null : { threat, hazard, hits, layers })
      }
    }
    return found
  }

  /** The same as it should be: the rules over each payload. */
  async function expectedOf(lab: Lab, by: StandardRules) {
    const scorer = new EventScorer(by)
    const found = new Map<string, object | null>()
    const take = (cells: readonly unknown[]): void => {
      const [, , at, key, , , digest, , payload] = cells as [
        ...[number, number, number, number, number, number, Uint8Array, string, Uint8Array],
      ]
      const verdict = scorer.score(parseJson(Buffer.from(payload).toString()) as PlainObject)
      found.set(`${at} ${key} ${Buffer.from(digest).toString('hex')}`, verdict ?? null)
    }
    const reads = lab.store.reads()
    for await (const page of reads.storedEvents()) for (const cells of page) take(cells)
    for await (const page of reads.heldEvents()) for (const { cells } of page) take(cells)
    return found
  }

  const sealsOf = async (lab: Lab) => ({
    batches: await lab.all('select * from batches order by id'),
    days: await lab.all('select * from batch_days order by batch_id, day'),
    fingerprint: await fingerprint(lab.store.fingerprintRows()),
    payloads: await lab.all(
      'select event_time_us, digest, payload, flags, notes from raw_events order by 1, 2',
    ),
  })

  /** Sessions whose scores are not the highest of their events, and days whose counts are not theirs. */
  async function assertSummed(lab: Lab): Promise<void> {
    assert.deepEqual(
      await lab.all(
        `select session_key from sessions left join
           (select raw_events.session_key as session_key, max(threat) as threat, max(hazard) as hazard
              from raw_events join verdicts on verdicts.id = verdict_id group by 1) as own using (session_key)
          where threat_score <> coalesce(threat, 0) or hazard_score <> coalesce(hazard, 0)`,
      ),
      [],
    )
    const days = (statement: string) => lab.all(statement)
    assert.deepEqual(
      await days('select verdict_id, sum(count) as n from daily_verdicts group by 1 order by 1'),
      await days(
        'select verdict_id, count(*) as n from raw_events where verdict_id <> 0 group by 1 order by 1',
      ),
    )
  }

  describe('a load', () => {
    test('stores beside each event what the rules say of its fields', async () => {
      await using lab = await loaded()
      const found = await verdictsOf(lab)
      assert.equal(found.size, LOG.length)
      assert.deepEqual(found, await expectedOf(lab, rules))
      assert.ok([...found.values()].some((one) => one === null))
      await assertSummed(lab)
      assert.deepEqual(await problemsOf(lab.store), [])
    })

    test('names the rule set in each batch and keeps its rules', async () => {
      await using lab = await loaded()
      const names = await lab.all('select distinct rule_set as name from batches')
      assert.deepEqual(names, [{ name: rules.version }])
      const kept = await lab.all<{ rule_id: string; definition: string }>(
        'select rule_id, definition from rule_sets order by rule_id',
      )
      const expected = [...rules.texts].sort((a, b) => (a.id < b.id ? -1 : 1))
      assert.deepEqual(
        kept.map((row) => ({ id: row.rule_id, definition: row.definition })),
        expected.map(({ id, definition }) => ({ id, definition })),
      )
    })

    test('by other rules is verified by those', async () => {
      await using lab = await loaded({ rules: variants.more })
      lab.write('b.json', lines(command(3, 'frobnicate', { sensor: 'sensor-3' })))
      await lab.load({ rules: variants.less })
      for (const one of [rules, variants.more, variants.less, variants.other])
        assert.deepEqual(await problemsOf(lab.store, one), [])
    })
  })

  describe('verdicts made again', () => {
    test('by the same rules: there is nothing to do', async () => {
      await using lab = await loaded()
      const before = await lab.all('select * from audit_log')
      const done = await run(lab, rules)
      assert.deepEqual(done, {
        ruleSet: rules.version,
        batches: 0,
        events: 0,
        changed: 0,
        rules: [],
        wouldHold: 0,
        wouldRelease: 0,
      })
      assert.deepEqual(await lab.all('select * from audit_log'), before)
    })

    for (const [name, expected] of [
      ['less', { changed: 10, rules: [{ rule: DOWNLOAD, gained: 0, lost: 10 }], release: 0 }],
      ['more', { changed: 7, rules: [{ rule: WORD, gained: 7, lost: 0 }], release: 0 }],
      // Those of the clipboard would no longer be withheld; they are hit all the same.
      ['other', { changed: 13, rules: [], release: 3 }],
    ] as const) {
      test(`by ${name === 'other' ? 'other scores' : `one rule ${name}`}: what it should, and nothing else`, async () => {
        await using lab = await loaded()
        const seals = await sealsOf(lab)
        const old = await verdictsOf(lab)
        const by = variants[name]
        const dry = await run(lab, by, { dryRun: true })
        assert.deepEqual(await verdictsOf(lab), old)
        const done = await run(lab, by)
        assert.deepEqual(done, dry)
        assert.equal(done.changed, expected.changed)
        assert.equal(done.events, LOG.length)
        assert.deepEqual(done.rules, expected.rules)
        assert.deepEqual([done.wouldHold, done.wouldRelease], [0, expected.release])
        assert.deepEqual(await verdictsOf(lab), await expectedOf(lab, by))
        assert.deepEqual(await sealsOf(lab), seals)
        await assertSummed(lab)
        assert.deepEqual(await problemsOf(lab.store), [])
        assert.deepEqual(await problemsOf(lab.store, by), [])
        const again = await run(lab, by)
        assert.deepEqual([again.batches, again.events, again.changed], [0, 0, 0])
        const writer = lab.store.writer(VERSIONS)
        const mended = await reconcile(
          lab.store.reads(),
          writer,
          registry,
          false,
          VERIFY_ALL.signal,
        )
        await writer.close()
        assert.deepEqual(mended, { differences: [], rebuilt: false })
        // Back again: as it was.
        await run(lab, rules)
        assert.deepEqual(await verdictsOf(lab), old)
        assert.deepEqual(await problemsOf(lab.store), [])
      })
    }

    test('equal those of a load by these rules, also of events that were approved', async () => {
      await using lab = await loaded()
      const [first] = await heldEvents(lab)
      await approveIn(lab.store, first!.batch, [first!.record])
      await run(lab, variants.other)
      for (const batch of new Set((await heldEvents(lab)).map((one) => one.batch)))
        await approveIn(lab.store, batch)
      await using calm = await loaded({ holdHazard: NONE, rules: variants.other })
      assert.deepEqual(await answersOf(lab.store), await answersOf(calm.store))
      assert.deepEqual(await problemsOf(lab.store, variants.other), [])
    })

    test('of events that are rejected count for none that waits', async () => {
      await using lab = await loaded()
      const held = (await heldEvents(lab)).slice(0, 3)
      for (const one of held) await rejectIn(lab.store, one.batch, [one.record])
      const done = await run(lab, variants.other)
      assert.equal(done.wouldRelease, 0)
      assert.deepEqual(await verdictsOf(lab), await expectedOf(lab, variants.other))
      assert.deepEqual(await problemsOf(lab.store), [])
    })

    test('stored events that would be withheld now are counted, and stay', async () => {
      await using lab = await loaded({ rules: variants.other })
      const done = await run(lab, rules)
      assert.equal(done.wouldHold, 3)
      assert.equal((await heldEvents(lab)).length, 2)
    })

    test('of batches of several rule sets are made for those alone that need it; a run that is stopped goes on', async () => {
      await using lab = await Lab.open()
      const parts = [rules, variants.more, rules, variants.more, rules]
      for (const [n, by] of parts.entries()) {
        lab.write(`${n}.json`, lines(LOG.map((one) => ({ ...one, part: n }))))
        await lab.load({ rules: by })
      }
      const stop = new AbortController()
      const first = await run(lab, variants.more, {
        signal: stop.signal,
        progress: () => stop.abort(),
      })
      assert.deepEqual([first.batches, first.events, first.changed], [1, LOG.length, 7])
      assert.deepEqual(await problemsOf(lab.store), [])
      const second = await run(lab, variants.more)
      assert.deepEqual([second.batches, second.events, second.changed], [2, LOG.length * 2, 14])
      assert.deepEqual(await verdictsOf(lab), await expectedOf(lab, variants.more))
      assert.equal((await lab.all('select 1 from verdict_runs')).length, 3)
      assert.deepEqual(await problemsOf(lab.store), [])
      await assertSummed(lab)
    })

    test('of one long run of batches are written in parts, each with its entry', async () => {
      await using lab = await loaded()
      const batches = (await lab.all('select 1 from batches')).length
      assert.ok(batches > 3)
      await withLimits({ recomputeEventsMax: 10 }, async () => {
        const stop = new AbortController()
        const first = await run(lab, variants.more, {
          signal: stop.signal,
          progress: () => stop.abort(),
        })
        assert.equal(first.batches, 2)
        assert.deepEqual(await problemsOf(lab.store), [])
        const rest = await run(lab, variants.more)
        assert.equal(rest.batches, batches - 2)
        assert.equal(first.changed + rest.changed, 7)
        assert.equal(first.events + rest.events, LOG.length)
      })
      assert.deepEqual(await verdictsOf(lab), await expectedOf(lab, variants.more))
      const runs = await lab.all<{ from_batch: number; to_batch: number }>(
        'select from_batch, to_batch from verdict_runs order by seq',
      )
      assert.ok(runs.length > 1)
      runs.forEach((one, i) => {
        assert.equal(one.from_batch, i === 0 ? 1 : runs[i - 1]!.to_batch + 1)
      })
      assert.equal(runs.at(-1)!.to_batch, batches)
      assert.deepEqual(await problemsOf(lab.store), [])
    })

    test('that somebody else makes at once are refused or made once, and the store verifies', async () => {
      await using lab = await loaded()
      const other = await lab.openAgain()
      try {
        const results = await Promise.allSettled([
          run(lab, variants.more),
          recompute(other, {
            ...{ rules: variants.more, holdHazard: LIMITS.holdHazard, dryRun: false, actor: 'bob' },
            ...{ reason: 'the same', signal: IDLE, progress: () => {} },
          }),
        ])
        for (const one of results)
          if (one.status === 'rejected')
            assert.equal((one.reason as { code: string }).code, 'STORE_BUSY')
        assert.ok(results.some((one) => one.status === 'fulfilled'))
      } finally {
        await other.close()
      }
      assert.deepEqual(await verdictsOf(lab), await expectedOf(lab, variants.more))
      await assertSummed(lab)
      assert.deepEqual(await problemsOf(lab.store), [])
    })

    test('are followed by a load that goes on with the numbers of verdicts', async () => {
      await using lab = await loaded()
      const writer = lab.store.writer(VERSIONS)
      await writer.close()
      await run(lab, variants.other)
      lab.write('b.json', lines(LOG.map((one) => ({ ...one, again: true }))))
      await lab.load({ rules: variants.more })
      await assertSummed(lab)
      assert.deepEqual(await problemsOf(lab.store), [], engine.name)
    })
  })
})
