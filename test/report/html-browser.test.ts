/** A real browser opens reports made of the attack corpus, and prints them. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import type { SafeText } from '../../src/core/text.ts'
import { renderReportHtml } from '../../src/report/html/index.ts'
import type { ReportPage } from '../../src/report/html/page-model.ts'
import { FORMS, PAYLOADS } from '../hostile/payloads.ts'
import { launchBrowser } from '../support/chromium.ts'
import { emptyPage, samplePage } from './sample.ts'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

describe('a browser', async () => {
  let folder = ''
  const started = await launchBrowser()
  if (typeof started === 'string') {
    test('opens reports', { skip: started }, () => {})
    return
  }
  const browser: Browser = started
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'nacre-report-'))
  })
  after(async () => {
    await browser.close()
    rmSync(folder, { recursive: true, force: true })
  })

  /** Opens a report and looks at it. @returns what it asked for and said, besides the result of the look */
  async function open<T>(
    page: ReportPage,
    options: BrowserContextOptions,
    look: (tab: Page) => Promise<T>,
  ): Promise<{ readonly seen: T; readonly noise: readonly string[] }> {
    const path = join(folder, 'report.html')
    writeFileSync(path, renderReportHtml(page, 10).text)
    const own = pathToFileURL(path).href
    const noise: string[] = []
    const context = await browser.newContext(options)
    try {
      const tab = await context.newPage()
      tab.on('console', (message) => noise.push(message.text()))
      tab.on('pageerror', (error) => noise.push(String(error)))
      tab.on('dialog', (dialog) => {
        noise.push('a dialog')
        void dialog.dismiss()
      })
      await context.route('**/*', (route) => {
        if (route.request().url() === own) return route.continue()
        noise.push(route.request().url())
        return route.abort()
      })
      await tab.goto(own, { waitUntil: 'load' })
      const seen = await look(tab)
      assert.equal(tab.url(), own)
      return { seen, noise }
    } finally {
      await context.close()
    }
  }

  for (const form of FORMS) {
    test(`runs nothing, asks for nothing and says nothing, with payloads ${form.name}`, async () => {
      const look = (tab: Page) => tab.evaluate<string>(TAGS)
      for (const payloads of Map.groupBy(PAYLOADS, (one) => one.class).values()) {
        const cycle = (textOf: (i: number) => SafeText) => {
          let next = 0
          return samplePage('weekly', () => textOf(next++ % payloads.length))
        }
        // As many texts that differ: equal ones are told once.
        const twin = await open(
          cycle((i) => `harmless${i}` as SafeText),
          {},
          look,
        ) // a literal
        const { seen, noise } = await open(
          cycle((i) => form.of(payloads[i]!.text)),
          {},
          look,
        )
        assert.equal(seen, twin.seen, payloads[0]!.class)
        assert.deepEqual(noise, [], payloads[0]!.class)
      }
    })
  }

  for (const colorScheme of ['light', 'dark'] as const)
    for (const width of [1_000, 390])
      test(`finds nothing that hinders people, ${colorScheme}, ${width} pixels wide`, async () => {
        for (const page of [samplePage('daily'), samplePage('monthly'), emptyPage('weekly')]) {
          const options = { colorScheme, viewport: { width, height: 900 }, bypassCSP: true }
          const { seen } = await open(page, options, async (tab) => {
            await tab.addScriptTag({ content: AXE })
            return await tab.evaluate<string[]>(FINDINGS)
          })
          assert.deepEqual(seen, [])
        }
      })

  test('shows all of a report 390 pixels wide without scrolling the page sideways', async () => {
    const options = { viewport: { width: 390, height: 844 } }
    const { seen } = await open(samplePage('monthly'), options, (tab) =>
      tab.evaluate<number>('document.documentElement.scrollWidth'),
    )
    assert.equal(seen, 390)
  })

  test('keeps the techniques of a tactic in the column of its heading', async () => {
    const sample = samplePage('weekly')
    const [first] = sample.attack!
    // Groups that do not divide into four columns by themselves.
    const attack = ['Execution', 'Persistence', 'Discovery'].flatMap((tactic, n) =>
      Array.from({ length: 3 + 4 * n }, (_, i) => ({ ...first!, tactic, id: `T1${n}0${i}` })),
    )
    const { seen } = await open({ ...sample, attack }, {}, (tab) => tab.evaluate<number[]>(LEFTS))
    assert.deepEqual(seen, [1, 1, 1])
  })
})

// Texts, because they run in the page.
const LEFTS = `[...document.querySelectorAll('.matrix>div')].map((one) => new Set([...one.children].map((child) => child.getBoundingClientRect().left)).size)`
const TAGS = `[...document.querySelectorAll('*')].filter((one) => !one.matches('code .esc')).map((one) => one.tagName).join(' ')`
const FINDINGS = `axe.run().then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ': ' + html.slice(0, 200))))`
