import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import { type DefaultTreeAdapterTypes, parse } from 'parse5'
import type { SafeText } from '../../src/core/text.ts'
import { HARMLESS } from '../../src/output/probe.ts'
import { renderReportHtml } from '../../src/report/html/index.ts'
import { FORMS, PAYLOADS } from '../hostile/payloads.ts'
import { emptyPage, samplePage } from './sample.ts'

const KINDS = ['daily', 'weekly', 'monthly'] as const

describe('a report as a page', () => {
  for (const kind of KINDS) {
    test(`of kind ${kind} has every section, a title, a language and a caption for each table`, () => {
      const { elements } = read(renderReportHtml(samplePage(kind), 10).text)
      const headings = elements.filter(({ tagName }) => tagName === 'h2').map(textOf)
      for (const heading of [
        'Figures',
        'Sessions to read first',
        'New since 30 days',
        'Commands',
        'Credentials',
        'ATT&CK',
        'Files',
        'Campaigns',
        'Countries',
        'Networks',
        'Addresses',
        'Kinds of events',
        'Completeness',
      ])
        assert.ok(
          headings.some((one) => one.startsWith(heading)),
          heading,
        )
      assert.equal(attributeOf(elements[0]!, 'lang'), 'en')
      assert.match(
        textOf(elements.find(({ tagName }) => tagName === 'title')!),
        /^nacre \w+ report, /,
      )
      const count = (name: string) => elements.filter(({ tagName }) => tagName === name).length
      assert.equal(count('caption'), count('table'))
      for (const one of elements.filter(({ tagName }) => tagName === 'th'))
        assert.match(attributeOf(one, 'scope') ?? '', /^(?:col|row)$/)
    })
  }

  test('of an empty period says so, and compares nothing', () => {
    for (const kind of KINDS) {
      const { text } = renderReportHtml(emptyPage(kind), 10)
      assert.match(text, /<b>No events<\/b> in this period/)
      assert.match(text, /No checkpoint yet/)
      assert.doesNotMatch(text, /NaN|undefined|Infinity|null/)
    }
  })

  test('without insights leaves their sections out', () => {
    const {
      comparison,
      novelty,
      unusual,
      campaigns,
      attack,
      perHour,
      sessionsPerDay,
      quality,
      bounds,
      ...brief
    } = samplePage('monthly')
    const { text } = renderReportHtml(brief, 10)
    assert.doesNotMatch(text, /Sessions to read first|New since|Campaigns|NaN|undefined/)
    assert.match(text, /119\u202f591/)
  })

  test('cuts its lists and says how many more there are', () => {
    const { text } = renderReportHtml(samplePage('daily'), 2)
    assert.match(text, /1 more session\./)
    assert.match(text, /11 more commands/)
    assert.match(text, /The first 2; there may be more\./)
    assert.match(text, /29 more files\./)
  })

  test('leads with what changed, what is new, what to read and what is missing', () => {
    const { elements } = read(renderReportHtml(samplePage('daily'), 10).text)
    const lead = elements.find((one) => attributeOf(one, 'class') === 'lead')!
    assert.deepEqual(
      lead.childNodes.filter((one) => 'tagName' in one).map((one) => textOf(one as Element)),
      [
        '119\u202f591 events in 22\u202f637 sessions from 3\u202f204 addresses: 7\u202f% more events than on Friday.',
        'A new SSH key was left in 61 sessions on 4 sensors; it belongs to campaign 3f2a9c1b of 61 addresses.',
        '3 sessions are worth reading: 1 worked by hand, 1 of critical threat. They come first below.',
        'Not in these figures: 392 events held for review, 3 records that could not be read, 12\u202f345 bytes not yet read, 1 silent sensor.',
      ],
    )
  })

  test('says for whom it is, in its head and at the foot of printed pages', () => {
    const { text } = renderReportHtml({ ...samplePage('daily'), redaction: 'public' }, 10)
    assert.match(text, /redaction: public/)
    assert.match(
      text,
      /@bottom-left\{content:"nacre daily report, Saturday, 21 November 2026, public"/,
    )
  })

  test('says that lines do not add up, where they do not', () => {
    const page = samplePage('daily')
    const fates = { ...page.quality.fates, dead: 2 }
    const { text } = renderReportHtml({ ...page, quality: { ...page.quality, fates } }, 10)
    assert.match(text, /does not add up/)
  })

  test('is small enough for any mail', () => {
    const text = (some: string): SafeText => some.padEnd(4_000, '<a href="x">') as SafeText // as a log may say
    assert.ok(Buffer.byteLength(renderReportHtml(samplePage('daily', text), 10).text) < 200_000)
  })
})

describe('attacker text in a report', () => {
  for (const form of FORMS) {
    test(`brings no element, attribute or link, ${form.name}`, () => {
      const twin = shapeOf(
        renderReportHtml(
          samplePage('weekly', () => HARMLESS),
          10,
        ).text,
      )
      for (const payload of PAYLOADS) {
        const { text } = renderReportHtml(
          samplePage('weekly', () => form.of(payload.text)),
          10,
        )
        assert.deepEqual(shapeOf(text), twin, payload.id)
        assert.doesNotMatch(text, /[^\P{C}\n\p{Co}\p{Cn}]/u, payload.id)
      }
    })
  }

  test('stands in frames and isolates alone, and not as an address that opens', () => {
    const { text } = renderReportHtml(
      samplePage('daily', () => 'http://203.0.113.9/x y' as SafeText),
      10,
    ) // a literal
    assert.doesNotMatch(text, /http:\/\/203|203\.0\.113\.9/)
    for (const [before] of text.matchAll(/.{5}hxxp:/g)) assert.match(before, /<bdi>hxxp:$/)
  })
})

type Element = DefaultTreeAdapterTypes.Element

function read(text: string): { readonly elements: readonly Element[] } {
  const elements: Element[] = []
  const walk = (node: DefaultTreeAdapterTypes.Node): void => {
    if ('tagName' in node) elements.push(node)
    if ('childNodes' in node) for (const child of node.childNodes) walk(child)
  }
  walk(parse(text, { onParseError: ({ code }) => assert.fail(code) }))
  return { elements }
}

/** Elements and attributes in order, without the boxes of characters that were made visible, and without the style's hash. */
function shapeOf(text: string): readonly string[] {
  const { elements } = read(text)
  for (const one of elements)
    if (one.tagName === 'style') {
      const hash = createHash('sha256').update(textOf(one)).digest('base64')
      assert.ok(text.includes(`'sha256-${hash}'`))
    }
  return elements
    .filter(
      (one) =>
        !(one.tagName === 'span' && attributeOf(one, 'class') === 'esc' && isIn(one, 'code')),
    )
    .map(({ tagName, attrs }) => {
      assert.ok(
        !['a', 'script', 'img', 'iframe', 'form', 'link', 'base', 'object'].includes(tagName),
      )
      for (const { name, value } of attrs) {
        assert.ok(!/^on|^style$|^src|^action/.test(name), name)
        if (name === 'href') assert.match(value, /^#[th][0-4]$/)
      }
      return `${tagName} ${attrs.map(({ name, value }) => `${name}=${value}`).join(' ')}`
    })
}

function isIn(element: Element, tagName: string): boolean {
  for (let one = element.parentNode; one !== null && 'tagName' in one; one = one.parentNode)
    if (one.tagName === tagName) return true
  return false
}

function textOf(node: DefaultTreeAdapterTypes.Node): string {
  if ('value' in node) return node.value
  return 'childNodes' in node ? node.childNodes.map(textOf).join('') : ''
}

function attributeOf({ attrs }: Element, name: string): string | undefined {
  return attrs.find((one) => one.name === name)?.value
}
