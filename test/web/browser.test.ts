/** A real browser comes in, looks round and goes out, under the policy as it is. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { after, describe, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { OneTimeCode } from '../../src/web/accounts.ts'
import { launchBrowser } from '../support/chromium.ts'
import { NOW_US } from '../support/engines.ts'
import { addUser, PASSWORD, type WebLab, withDashboard } from '../support/web.ts'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const PAGES = ['/users', '/tokens', '/settings', '/api', '/not-there']

describe('a browser', async () => {
  const started = await launchBrowser()
  if (typeof started === 'string') {
    test('comes in', { skip: started }, () => {})
    return
  }
  const browser: Browser = started

  test('comes in by the first link, adds a user, and goes out, without a violation', async () => {
    const firstCode = new OneTimeCode(() => NOW_US)
    await withDashboard(
      async (lab) => {
        const { page, origin, problems } = await open(browser, lab)
        await page.goto(`${origin}/first#${firstCode.code}`)
        assert.equal(await page.inputValue('#code'), firstCode.code)
        assert.equal(page.url(), `${origin}/first`)
        await page.fill('[name=name]', 'anna')
        await page.fill('[name=password]', PASSWORD)
        await page.fill('[name=again]', PASSWORD)
        await page.click('button[type=submit]')
        assert.equal(page.url(), `${origin}/`)
        assert.equal(await page.evaluate('document.cookie'), '')
        await page.goto(`${origin}/users`)
        await page.fill('[name=name]', 'bert')
        await page.click('form[action="/users"] button')
        assert.match(await page.innerText('.secret'), /\/invited#[\w-]{32}$/)
        assert.equal(lab.desk.accounts.user('bert')?.role, 'viewer')
        await page.click('.side .who button')
        assert.equal(page.url(), `${origin}/sign-in`)
        await page.goto(`${origin}/users`)
        assert.equal(page.url(), `${origin}/sign-in?next=%2Fusers`)
        assert.deepEqual(problems, [])
        await page.context().close()
      },
      { options: { firstCode } },
    )
  })

  test('reads every page of its own with any tool, light, dark and narrow', async () => {
    await withDashboard(async (lab) => {
      const user = await addUser(lab, 'anna', 'admin')
      const { page, origin } = await open(browser, lab)
      const found: string[] = []
      const look = async (path: string): Promise<void> => {
        await page.goto(`${origin}${path}`)
        await page.evaluate(AXE)
        const violations = (await page.evaluate(
          'axe.run().then((result) => result.violations.map((one) => one.id))',
        )) as string[] // ids of rules
        found.push(...violations.map((id) => `${path}: ${id}`))
        const wide = await page.evaluate(
          'document.documentElement.scrollWidth > document.documentElement.clientWidth',
        )
        if (wide === true) found.push(`${path}: wider than its window`)
      }
      for (const colorScheme of ['light', 'dark'] as const) {
        for (const width of [1_440, 390]) {
          await page.emulateMedia({ colorScheme })
          await page.setViewportSize({ width, height: 900 })
          for (const path of ['/sign-in', '/invited']) await look(path)
        }
      }
      const value = lab.desk.signIns.begin(user)
      await page.context().addCookies([{ name: 'nacre', value, url: origin }])
      for (const colorScheme of ['light', 'dark'] as const) {
        for (const width of [1_440, 390]) {
          await page.emulateMedia({ colorScheme })
          await page.setViewportSize({ width, height: 900 })
          for (const path of PAGES) await look(path)
        }
      }
      assert.deepEqual(found, [])
      await page.context().close()
    })
  })

  after(() => browser.close())
})

/** A page, and what goes wrong on it. */
async function open(
  browser: Browser,
  { server }: WebLab,
): Promise<{ readonly page: Page; readonly origin: string; readonly problems: string[] }> {
  const origin = await server.listen({ host: '127.0.0.1', port: 0 })
  const page = await browser.newPage()
  const problems: string[] = []
  page.on('console', (message) => problems.push(message.text()))
  page.on('pageerror', (error) => problems.push(error.message))
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== origin || request.url().endsWith('/csp-report'))
      problems.push(request.url())
  })
  return { page, origin, problems }
}
