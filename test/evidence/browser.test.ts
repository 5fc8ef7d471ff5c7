/** The page that checks packages, in a real browser, opened as a file and without a network. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { toHex } from '../../src/core/bytes.ts'
import { redactPackage } from '../../src/evidence/redact.ts'
import { launchBrowser } from '../support/chromium.ts'
import { exported, filesOf, sessionsOf } from '../support/evidence.ts'
import { events, Lab, lines, NOW_US, signingKey } from '../support/loading.ts'

const HOSTILE = '<img src=x onerror=top.hit=1><script>top.hit=1</script>\u202e\u001b[2J'

describe('the page', async () => {
  const started = await launchBrowser()
  if (typeof started === 'string') {
    test('checks packages', { skip: started }, () => {})
    return
  }
  const browser: Browser = started
  let folder = ''
  let zip: Buffer
  const name = (file: string): string => join(folder, file)

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'nacre-evidence-'))
    await using lab = await Lab.open()
    lab.write('a.json', lines(events(6, { session: 'aaaaaaaaaaaa', username: HOSTILE })))
    await lab.load({ holdHazard: 101 })
    zip = await exported(lab, { sessions: await sessionsOf(lab) }, { reason: `case ${HOSTILE}` })
    const spoilt = Buffer.from(zip)
    spoilt[spoilt.indexOf('cowrie.login')]! ^= 1
    writeFileSync(name('good.zip'), zip)
    writeFileSync(name('spoilt.zip'), spoilt)
    writeFileSync(
      name('redacted.zip'),
      Buffer.concat([...redactPackage(zip, { lines: [2], reason: HOSTILE, nowUs: NOW_US })]),
    )
    const file = (one: string): Uint8Array => filesOf(zip).find((two) => two.name === one)!.bytes
    writeFileSync(name('verify.html'), file('verify.html'))
    writeFileSync(name('checkpoint.json'), file('checkpoint.json'))
  })
  after(async () => {
    await browser.close()
    rmSync(folder, { recursive: true, force: true })
  })

  async function withPage(work: (page: Page) => Promise<void>): Promise<void> {
    const context = await browser!.newContext()
    const page = await context.newPage()
    const requests: string[] = []
    const errors: string[] = []
    page.on('request', (one) => requests.push(one.url()))
    page.on('console', (one) => errors.push(one.text()))
    page.on('pageerror', (one) => errors.push(String(one)))
    try {
      const address = pathToFileURL(name('verify.html')).href
      await page.goto(address)
      await work(page)
      assert.deepEqual(requests, [address])
      assert.deepEqual(errors, [])
      assert.equal(await page.evaluate('globalThis.hit ?? 0'), 0)
    } finally {
      await context.close()
    }
  }

  const verdict = async (page: Page, file: string): Promise<string> => {
    await page.setInputFiles('#package', name(file))
    await page.waitForSelector('.verdict')
    return (await page.textContent('.verdict'))!
  }

  test('finds that a good package holds, and shows its lines in visible form', async () => {
    await withPage(async (page) => {
      assert.equal(await verdict(page, 'good.zip'), 'Everything holds.')
      const shown = (await page.textContent('#result'))!
      assert.ok(shown.includes('6 of 6 lines'))
      assert.ok(shown.includes('<script>'))
      assert.ok(shown.includes('\\u{202E}'))
      assert.ok(!/[\u202e\u001b]/.test(shown))
    })
  })

  test('finds that a changed package does not hold', async () => {
    await withPage(async (page) => {
      assert.equal(await verdict(page, 'spoilt.zip'), 'This package does not hold.')
    })
  })

  test('says which lines are withheld, and why', async () => {
    await withPage(async (page) => {
      assert.equal(await verdict(page, 'redacted.zip'), 'Everything holds.')
      const shown = (await page.textContent('#result'))!
      assert.ok(shown.includes('1 of 6 lines are withheld'))
      assert.ok(shown.includes('line 2: <img'))
    })
  })

  test('compares with a key and a checkpoint from elsewhere', async () => {
    await withPage(async (page) => {
      await page.fill('#key', toHex(signingKey.publicKey))
      await page.setInputFiles('#checkpoint', name('checkpoint.json'))
      assert.equal(await verdict(page, 'good.zip'), 'Everything holds.')
      const shown = (await page.textContent('#result'))!
      assert.ok(shown.includes('the key that you gave'))
      assert.ok(shown.includes('is the one that you kept elsewhere'))
      await page.fill('#key', 'f'.repeat(64))
      await page.dispatchEvent('#key', 'change')
      await page.waitForSelector('.verdict.bad')
    })
  })
})
