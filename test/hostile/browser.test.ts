/** A real browser opens pages made of the attack corpus: nothing runs, nothing is asked for, nothing moves. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import type { SafeText } from '../../src/core/text.ts'
import { fields, text } from '../../src/output/document.ts'
import { outputNamed } from '../../src/output/outputs.ts'
import { HARMLESS, probeDocument } from '../../src/output/probe.ts'
import { launchBrowser } from '../support/chromium.ts'
import { FORMS, PAYLOADS, twinOf } from './payloads.ts'

describe('a browser', async () => {
  let folder = ''
  const started = await launchBrowser()
  if (typeof started === 'string') {
    test('opens the pages', { skip: started }, () => {})
    return
  }
  const browser: Browser = started
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'nacre-browser-'))
  })
  after(async () => {
    await browser.close()
    rmSync(folder, { recursive: true, force: true })
  })

  for (const form of FORMS) {
    test(`runs nothing, asks for nothing, goes nowhere, with payloads ${form.name}`, async () => {
      const classes = Map.groupBy(PAYLOADS, (one) => one.class)
      for (const [name, payloads] of classes) {
        const texts = payloads.map((one) => form.of(one.text))
        const twin = await open(browser, folder, pageOf(texts.map(() => HARMLESS)))
        assert.deepEqual(await open(browser, folder, pageOf(texts)), twin, name)
      }
    })
  }

  test('would run a script, and does not under the policy of our page even where one stands in it', async () => {
    const script =
      '<script>top.hit=1;document.title="hit"</script><img src="http://198.51.100.1/x.png">'
    const bare = await open(browser, folder, `<!doctype html><title>Probe</title>${script}`)
    assert.equal(bare.hit, 1)
    assert.equal(bare.requests.length, 1)
    const page = await open(
      browser,
      folder,
      twinOf(outputNamed('html')).replace('harmless', script),
    )
    assert.equal(page.hit, 0)
    assert.deepEqual(page.requests, [])
  })
})

/** A page with every text as a value, as a name and as a sentence. */
function pageOf(texts: readonly SafeText[]): string {
  const document = probeDocument(HARMLESS)
  const rows = texts.map((one) => [text(one), fields([{ name: one, value: one }])])
  const notes = texts.map((one) => [text(one)])
  const tables = [{ name: 'texts', columns: ['text', 'payload'], rows }]
  return outputNamed('html').render({ ...document, tables, notes }).text
}

type Seen = {
  readonly hit: number
  readonly title: string
  readonly tags: string
  readonly requests: readonly string[]
  readonly dialogs: number
  readonly frames: number
  readonly links: number
  readonly styled: string
}

/** What the page has become, asked in the page: a text, because it runs there. */
const LOOK = `({
  hit: Number(globalThis.hit ?? 0),
  title: document.title,
  tags: [...document.querySelectorAll('*')].map((one) => one.tagName).join(' '),
  links: document.querySelectorAll('a, [href], [src], [style], iframe, form').length,
  styled: getComputedStyle(document.querySelector('bdi') ?? document.body).whiteSpace,
})`

async function open(browser: Browser, folder: string, html: string): Promise<Seen> {
  const context = await browser.newContext({ javaScriptEnabled: true })
  try {
    const page: Page = await context.newPage()
    const path = join(folder, 'page.html')
    writeFileSync(path, html)
    const own = pathToFileURL(path).href
    const requests: string[] = []
    let dialogs = 0
    page.on('dialog', (dialog) => {
      dialogs += 1
      void dialog.dismiss()
    })
    // What the policy of the page forbids does not get here.
    await context.route('**/*', (route) => {
      const url = route.request().url()
      if (url === own) return route.continue()
      requests.push(url)
      return route.abort()
    })
    await page.goto(own, { waitUntil: 'load' })
    const seen: Pick<Seen, 'hit' | 'title' | 'tags' | 'links' | 'styled'> =
      await page.evaluate(LOOK)
    assert.equal(page.url(), own)
    return { ...seen, requests, dialogs, frames: page.frames().length }
  } finally {
    await context.close()
  }
}
