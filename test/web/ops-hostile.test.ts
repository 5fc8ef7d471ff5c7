/** Hostile texts in everything that pages of operations show: none of it becomes an element, an attribute or an address. */
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type DefaultTreeAdapterTypes, parse } from 'parse5'
import { hourOf } from '../../src/core/anomaly.ts'
import { toVisible } from '../../src/neutralize/visible.ts'
import { PAYLOADS } from '../hostile/payloads.ts'
import { NOW_US } from '../support/engines.ts'
import { event, Lab, lines } from '../support/loading.ts'
import { ALL } from '../support/review.ts'
import { testDashboard, testOptions, testParts } from '../support/web.ts'

const ELEMENTS = new Set(
  `html head meta title link script body svg defs symbol path rect circle ellipse g text stop lineargradient
   linearGradient pattern use a aside nav span b i hr div fieldset legend label input select option textarea button form
   header footer main details summary section h1 h2 h3 p ul ol li dl dt dd table caption thead tbody tr th td code bdi
   pre time strong br small`.split(/\s+/),
)
const ATTRIBUTES = new Set(
  `lang dir charset name content rel href type src class id aria-hidden aria-label aria-labelledby aria-current
   aria-describedby aria-invalid viewbox d x y x1 x2 y1 y2 cx cy r rx ry fill stroke stroke-width stroke-linecap
   opacity width height preserveaspectratio patternunits patterntransform gradientunits offset role tabindex method
   action formaction value checked selected required maxlength min max rows placeholder autocomplete inputmode pattern for
   open scope data-l data-record data-count data-live data-verifying datetime title download target hidden spellcheck disabled`.split(
    /\s+/,
  ),
)
const OWN_ADDRESS = /^(?:\/(?!\/)|#)[^\s"'<>\\]*$/
// Nothing of these may reach a reader: controls (but line ends between elements), bidi and invisible characters.
const HOSTILE_CHARACTER = /(?![\n\u202f])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u

type Node = DefaultTreeAdapterTypes.Node

function* faults(node: Node): Generator<string> {
  if ('tagName' in node) {
    if (!ELEMENTS.has(node.tagName)) yield `element ${node.tagName}`
    for (const { name, value } of node.attrs) {
      if (!ATTRIBUTES.has(name.toLowerCase())) yield `attribute ${name} of ${node.tagName}`
      if (['href', 'src', 'action', 'formaction'].includes(name) && !OWN_ADDRESS.test(value))
        yield `address ${value}`
      if (HOSTILE_CHARACTER.test(value)) yield `a hostile character in ${name}`
    }
    if (node.tagName === 'script' && node.childNodes.length > 0) yield 'a script with content'
  }
  if ('value' in node && HOSTILE_CHARACTER.test(node.value)) yield 'a hostile character in a text'
  if ('data' in node) yield `a comment ${node.data}`
  if ('childNodes' in node) for (const child of node.childNodes) yield* faults(child)
}

test('pages of operations hold hostile texts as texts alone', async () => {
  await using lab = await Lab.open()
  const texts = PAYLOADS.map((one) => one.text)
  const some = texts.filter((_, i) => i % 12 === 0)
  const log = texts.flatMap((text, i) => [
    event({
      eventid: i % 9 === 0 ? text : 'cowrie.login.failed',
      username: text,
      password: text,
      sensor: i % 20 === 0 ? text.slice(0, 200) : 'sensor-1',
      session: i % 7 === 0 ? text.slice(0, 60) : 'a1b2c3d4e5f6',
      [text.slice(0, 80)]: text,
    }),
  ])
  const broken = texts.map((text) => `{"broken ${text.replaceAll(/[\r\n]/g, ' ')}\n`)
  lab.write('<img src=x onerror=alert(1)>.json', lines(log) + broken.join(''))
  await lab.load({ holdHazard: ALL })
  const sensors = await lab.all<{ name: string }>('select name from sensors')
  await lab.store.activity.raise(
    sensors.slice(0, 12).map(({ name }, i) => ({
      detector: 'hazard',
      sensor: name,
      hour: hourOf(NOW_US) - i,
      severity: 'alarm',
      figure: 9,
      baseline: 1,
      spread: 1,
      samples: 10,
      basis: 'all hours',
      score: 8,
      threshold: 3,
      evidence: {
        values: some
          .slice(0, 10)
          .map((text) => ({ kind: 'command', text: toVisible(text), count: 1 })),
        more: 1,
        withheld: 2,
      },
      firstSeenUs: NOW_US,
      lastSeenUs: NOW_US,
    })),
  )
  await lab.store.alerts.save({
    alerts: some.slice(0, 10).map((text, i) => ({
      was: undefined,
      record: {
        id: i + 1,
        kind: 'silent-sensor',
        subject: toVisible(text.slice(0, 40)),
        state: 'open',
        severity: 'warning',
        firstAtUs: NOW_US,
        lastAtUs: NOW_US,
        seen: 1,
        missed: 0,
        occurrences: 1,
        figure: 7,
        threshold: 6,
        sentence: 'a sensor is silent',
        notifiedAtUs: 0,
        deliveries: {},
      },
    })),
    marks: [],
    channels: [],
  })
  for (const text of some)
    await lab.store.journal({
      actor: text,
      action: 'test.entry',
      subject: text,
      reason: text,
      detail: { [text]: text },
    })
  const data = join(lab.folder, '..', 'data')
  mkdirSync(data)
  const dashboard = await testDashboard(
    testParts(lab.store, data, () => NOW_US),
    testOptions(data),
  )
  try {
    const person = await dashboard.person('admin')
    const { batches } = (await person.get('/api/v1/quarantine')).json()
    const { letters } = (await person.get('/api/v1/dead-letters')).json()
    const { sources } = (await person.get('/api/v1/sources')).json()
    const pages = [
      ...['quarantine', 'dead-letters', 'sources', 'integrity', 'rules', 'audit', 'reports'],
      ...['alerts', 'anomalies', 'anomalies?state=all', 'integrity/proof?batch=1&record=0'],
      `quarantine/${batches[0].batch}?samples=4096`,
      `dead-letters/${letters[0].letter}`,
      `sources/${sources[0].source}`,
    ]
    for (const page of pages) {
      const { body, statusCode } = await person.get(`/${page}`)
      assert.equal(statusCode, 200, page)
      assert.deepEqual([...new Set(faults(parse(body)))], [], page)
    }
    // What somebody typed comes back as they typed it, and as nothing else.
    for (const text of some) {
      const fields = { reason: '', records: text, false_positive: '', text, visible: '' }
      for (const url of [`/quarantine/${batches[0].batch}/approve`, '/rules/test']) {
        const sent =
          url === '/rules/test'
            ? { text: fields.text }
            : { reason: fields.reason, records: fields.records }
        const { body } = await person.post(url, sent)
        assert.deepEqual([...new Set(faults(parse(body)))], [], `${url} ${text.slice(0, 40)}`)
      }
    }
    // A document for machines is plain as well: what HTML could read in it is escaped.
    const api = await person.get(`/api/v1/quarantine/${batches[0].batch}?samples=4096`)
    assert.ok(!/[<>&]/.test(api.body))
    assert.ok(!HOSTILE_CHARACTER.test(api.body))
  } finally {
    await dashboard.server.close()
  }
})
