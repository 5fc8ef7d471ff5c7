import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { findChromium } from '../../src/cli/chromium.ts'
import { printPdf } from '../../src/cli/print-pdf.ts'
import { toVisible } from '../../src/neutralize/visible.ts'
import { html } from '../../src/output/encode/html.ts'
import { renderReportHtml } from '../../src/report/html/index.ts'
import { PAYLOADS } from '../hostile/payloads.ts'
import { samplePage } from '../report/sample.ts'
import { nacre, nacreJson, temporaryFolder } from '../support/cli.ts'

const isMissing = await findChromium('', process.env).then(
  () => false as const,
  () => 'no browser is here',
)

describe('report files', () => {
  const undo: (() => void)[] = []
  let folder = ''
  let data = ''
  before(() => {
    folder = temporaryFolder({ after: (work) => undo.push(work) })
    data = join(folder, 'data')
    const events = PAYLOADS.slice(0, 40).map(({ text }, i) => ({
      eventid: 'cowrie.command.input',
      timestamp: `2026-11-22T10:00:${String(i).padStart(2, '0')}.000000Z`,
      session: `aabbccddee${String(i).padStart(2, '0')}`,
      sensor: 'lyon-1',
      src_ip: '192.0.2.7',
      input: text,
    }))
    writeFileSync(
      join(folder, 'cowrie.json'),
      events.map((one) => `${JSON.stringify(one)}\n`).join(''),
    )
    nacreJson(['ingest', 'bulk', join(folder, 'cowrie.json'), '--data', data], [0, 4])
  })
  after(() => {
    for (const work of undo) work()
  })

  test('a report as HTML compares with the period before, and says for whom it is', () => {
    const { stdout, status } = nacre([
      ...['report', 'daily', '2026-11-22', '--format', 'html', '--redact', 'public'],
      ...['--data', data],
    ])
    assert.equal(status, 0)
    assert.match(stdout, /redaction: public/)
    assert.match(stdout, /from none/)
    assert.doesNotMatch(stdout, /lyon-1/)
  })

  test('a report as PDF is a new file of its owner alone', { skip: isMissing }, () => {
    const file = join(folder, 'report.pdf')
    const command = ['report', 'daily', '--format', 'pdf', '--output', file, '--data', data]
    const done = nacre(command)
    assert.equal(done.status, 0, done.stderr)
    assert.equal(statSync(file).mode & 0o777, 0o600)
    assert.equal(readFileSync(file).subarray(0, 5).toString(), '%PDF-')
    assert.equal(done.stderr.includes('sandbox'), process.getuid?.() === 0)
    assert.equal(nacre(command).status, 2)
  })

  test('a PDF asks for a file', () => {
    const { status, stderr } = nacre(['report', 'daily', '--format', 'pdf', '--data', data])
    assert.equal(status, 2)
    assert.match(stderr, /--output/)
  })

  test('a browser that is none is told by its setting', () => {
    writeFileSync(join(data, 'nacre.toml'), '[report]\nchromium = "/nowhere/chromium"\n')
    const file = join(folder, 'none.pdf')
    const done = nacre(['report', 'daily', '--format', 'pdf', '--output', file, '--data', data])
    writeFileSync(join(data, 'nacre.toml'), '')
    assert.equal(done.status, 1)
    assert.match(done.stderr, /PDF_NO_CHROMIUM/)
    assert.equal(existsSync(file), false)
  })
})

describe('a PDF', { skip: isMissing }, () => {
  const print = async (
    page: Parameters<typeof printPdf>[0],
    more: Partial<Parameters<typeof printPdf>[1]> = {},
  ): Promise<string> => {
    const { pdf } = await printPdf(page, {
      chromium: await findChromium('', process.env),
      timeoutMs: 60_000,
      signal: new AbortController().signal,
      ...more,
    })
    return pdf.toString('latin1')
  }

  test('has its title, pages, an outline and tags, and nothing that acts', async () => {
    let next = 0
    const text = () => toVisible(PAYLOADS[next++ % PAYLOADS.length]!.text)
    const pdf = await print(renderReportHtml(samplePage('weekly', text), 10))
    assert.match(pdf, /\/Title \(nacre weekly report, Week 47 of 2026\)/)
    const pages = Number(/\/Type \/Pages\s*\/Count (\d+)/.exec(pdf)?.[1])
    assert.ok(pages >= 3 && pages < 40, String(pages))
    assert.match(pdf, /\/MediaBox \[0 0 594\.9\d* 841\.9\d*\]/)
    assert.match(pdf, /\/StructTreeRoot/)
    assert.match(pdf, /\/Outlines/)
    assert.match(pdf, /\/Lang \(en\)/)
    assert.doesNotMatch(
      pdf,
      /\/(?:URI|JavaScript|JS|Launch|OpenAction|AA|EmbeddedFile|SubmitForm|GoToR|RichMedia)\b/,
    )
  })

  test('is made without running or loading what a page may hold', async (t) => {
    let requests = 0
    const server = createServer((_, response) => {
      requests += 1
      response.end()
    }).listen(0, '127.0.0.1')
    t.after(() => server.close())
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo // as asked for
    // What no page of ours holds: the walls of the browser are tried alone.
    const page = html`<!doctype html><html lang="en"><title>before</title><script>document.title = 'after'</script><img src="http://127.0.0.1:${port}/x.png"><p>text</p></html>`
    const pdf = await print(page)
    assert.match(pdf, /\/Title \(before\)/)
    assert.equal(requests, 0)
  })

  test('leaves nothing behind: not when it is made, when time is up, nor when it is stopped', async () => {
    const left = () => readdirSync(tmpdir()).filter((name) => name.startsWith('nacre-print-'))
    const known = new Set(left())
    await print(html`<!doctype html><title>x</title>`)
    await assert.rejects(print(html`<!doctype html><title>x</title>`, { timeoutMs: 1 }), {
      code: 'PDF_TOO_SLOW',
    })
    await assert.rejects(
      print(html`<!doctype html><title>x</title>`, {
        signal: AbortSignal.abort(new Error('stop')),
      }),
      /stop/,
    )
    await assert.rejects(print(html`x`, { chromium: process.execPath }), { code: 'PDF_FAILED' })
    assert.deepEqual(
      left().filter((name) => !known.has(name)),
      [],
    )
  })
})
