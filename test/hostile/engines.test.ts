/** The programs that read our outputs, or their parsers, on the attack corpus. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import headless from '@xterm/headless'
import { parse as parseCsv } from 'csv-parse/sync'
import MarkdownIt from 'markdown-it'
import { micromark } from 'micromark'
import { gfm, gfmHtml } from 'micromark-extension-gfm'
import { type DefaultTreeAdapterTypes, parse } from 'parse5'
import type { SafeText } from '../../src/core/text.ts'
import { toVisible } from '../../src/neutralize/visible.ts'
import { type OutputName, outputNamed } from '../../src/output/outputs.ts'
import { FORMS, PAYLOADS, rendered, twinOf } from './payloads.ts'

/** Renders every payload in both forms, and lists those that the engine takes for more than text. */
function differing(name: OutputName, structure: (document: string) => unknown): readonly string[] {
  const output = outputNamed(name)
  const expected = JSON.stringify(structure(twinOf(output)))
  return PAYLOADS.flatMap(({ id, text }) =>
    FORMS.flatMap((form) =>
      JSON.stringify(structure(rendered(output, form.of(text)))) === expected
        ? []
        : [`${id} ${form.name}`],
    ),
  )
}

describe('a terminal', () => {
  test('ends where it ends for the twin, shows no attribute, answers nothing, keeps its title', async () => {
    const output = outputNamed('text')
    const expected = await screenAfter(twinOf(output))
    for (const { id, text } of PAYLOADS) {
      for (const form of FORMS) {
        const screen = await screenAfter(rendered(output, form.of(text)))
        assert.deepEqual({ ...screen, lines: 0 }, { ...expected, lines: 0 }, id)
        assert.equal(screen.lines, expected.lines, id)
      }
    }
  })

  test('is moved by the raw payloads, so that the test means something', async () => {
    const calm = await screenAfter('a\r\n')
    const moved: string[] = []
    for (const { id, text } of PAYLOADS.filter((one) => one.class === 'terminal')) {
      const screen = await screenAfter(`${text}\r\n`)
      if (JSON.stringify(screen) !== JSON.stringify(calm)) moved.push(id)
    }
    assert.ok(moved.length > 12, String(moved.length))
  })
})

async function screenAfter(text: string) {
  const terminal = new headless.Terminal({
    cols: 8_000,
    rows: 60,
    allowProposedApi: true,
    logLevel: 'off',
  })
  let answers = ''
  let titles = 0
  let bells = 0
  terminal.onData((data) => {
    answers += data
  })
  terminal.onTitleChange(() => {
    titles += 1
  })
  terminal.onBell(() => {
    bells += 1
  })
  await new Promise<void>((resolve) => terminal.write(text.replace(/\r?\n/g, '\r\n'), resolve))
  const buffer = terminal.buffer.active
  let attributes = 0
  let lines = 0
  for (let y = 0; y < buffer.length; y += 1) {
    const line = buffer.getLine(y)!
    if (line.translateToString(true) !== '') lines += 1
    for (let x = 0; x < Math.min(line.length, 300); x += 1)
      if (line.getCell(x)?.isAttributeDefault() === false) attributes += 1
  }
  const end = {
    x: buffer.cursorX,
    y: buffer.cursorY,
    kind: buffer.type,
    modes: terminal.modes,
    answers,
    titles,
    bells,
    attributes,
    lines,
  }
  terminal.dispose()
  return end
}

test('an HTML parser builds the tree of the twin', () => {
  type Node = DefaultTreeAdapterTypes.Node
  const structure = (node: Node): unknown => {
    if (node.nodeName === '#text') return 'text'
    if (node.nodeName === '#comment') return 'comment'
    const attributes = 'attrs' in node ? node.attrs : []
    const children = 'childNodes' in node ? node.childNodes : []
    return [node.nodeName, attributes, children.map(structure)]
  }
  assert.deepEqual(
    differing('html', (document) => structure(parse(document))),
    [],
  )
})

test('a CSV parser finds the rows and columns of the twin, and every text behind its apostrophe', () => {
  const read = (document: string): string[][] =>
    parseCsv(document, { bom: true, record_delimiter: '\r\n' })
  assert.deepEqual(
    differing('csv', (document) => read(document).map((row) => row.length)),
    [],
  )
  const output = outputNamed('csv')
  for (const { text } of PAYLOADS.filter((one) => one.class !== 'link')) {
    if (/[:.@]|[^\x20-\x7e]/.test(text)) continue // defanged or spelled out
    const cell = read(rendered(output, toVisible(text)))[2]![2]!
    const back = cell.slice(1).replace(/([,;|:][ "']*)'(?=[=+\-@|%])/g, '$1')
    assert.equal(cell[0], "'")
    assert.equal(back, toVisible(text))
  }
})

describe('Markdown', () => {
  const tags = (html: string): unknown =>
    // Runs of code spans and characters between them are the payload.
    html
      .replace(/(?:<code>[^<]*<\/code>|[^<>]*`[^<>]*|\|)+/g, 'DATA')
      .match(/<[^>]*>|DATA/g)
      ?.join('')
      .replace(/(?:DATA)+/g, 'DATA')

  test('of GitHub has the structure of the twin: no link, image, mention or HTML arises', () => {
    assert.deepEqual(
      differing('markdown', (document) =>
        tags(
          micromark(document, {
            extensions: [gfm()],
            htmlExtensions: [gfmHtml()],
            allowDangerousHtml: true,
          }),
        ),
      ),
      [],
    )
  })

  test('of another parser, with HTML and links on, has the structure of the twin', () => {
    const parser = new MarkdownIt({ html: true, linkify: true, typographer: true })
    assert.deepEqual(
      differing('markdown', (document) => tags(parser.render(document))),
      [],
    )
  })

  test('has no mention and no reference outside code', () => {
    const output = outputNamed('markdown')
    for (const { id, text } of PAYLOADS) {
      const html = micromark(rendered(output, toVisible(text)), {
        extensions: [gfm()],
        htmlExtensions: [gfmHtml()],
      })
      const outside = html.replace(/<code>[^<]*<\/code>/g, ' ').replace(/<[^>]*>/g, ' ')
      assert.doesNotMatch(outside, /@\w|#\d|GH-\d|https?:|www\./, id)
    }
  })
})

test('JSON and the data of a prompt come back as they went in', () => {
  for (const { id, text } of PAYLOADS) {
    const safe = toVisible(text)
    const document: { readonly facts: { readonly plain: string } } = JSON.parse(
      rendered(outputNamed('json'), safe),
    )
    assert.equal(document.facts.plain, safe, id)
  }
})

test('a payload that names a field twice or as one of ours changes no key of a log', () => {
  for (const name of ['time', 'what', 'payload.input', '__proto__', 'part']) {
    const lines = rendered(outputNamed('log'), name as SafeText).split('\n')
    for (const line of lines.slice(1, 3)) {
      const keys = [...line.matchAll(/(?:^| )([^=" ]+)=/g)].map((match) => match[1]!)
      assert.equal(keys.filter((key) => key === 'time').length, 1)
      assert.equal(keys.filter((key) => key === 'part').length, 1)
    }
  }
})
