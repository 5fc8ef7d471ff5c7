/** The player of terminals, in a real browser. */
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { RECORDED_SESSION } from './store.ts'
import { openLab, VIEWS } from './support.ts'

const CLEAN = { calls: [], violations: [], foreignRequests: [], elements: [], errors: [] }

describe('the player in a browser', async () => {
  const lab = await openLab()
  if (typeof lab === 'string') {
    test('plays', { skip: lab }, () => {})
    return
  }
  after(() => lab.close())
  const path = (n: number): string => `/sessions/replay/${RECORDED_SESSION}/replay?n=${n}`

  for (const n of [1, 2]) {
    test(`makes no element and no link of recording ${n}, whatever frame is shown`, async () => {
      const context = await lab.context(VIEWS[0]!)
      const { page, findings } = await context.visit(path(n))
      await page.locator('.tty-row').first().waitFor()
      const last = Number(await page.getAttribute('.scrub', 'max'))
      let boxes = 0
      for (let at = 0; at <= last; at += Math.max(1, Math.floor(last / 6))) {
        await scrubTo(page, at)
        boxes += await page.locator('.tty .esc').count()
        assert.deepEqual(await page.evaluate(TAGS), [], `frame ${at}`)
      }
      assert.ok(boxes > 0)
      assert.ok((await page.locator('.transcript .esc').count()) > 0)
      assert.deepEqual(findings, CLEAN)
      assert.equal(new URL(page.url()).pathname, path(n).split('?')[0])
      await context.close()
    })
  }

  test('plays, pauses and steps by the keyboard, and reads out what it shows only when it stands', async () => {
    const context = await lab.context(VIEWS[0]!)
    const { page, findings } = await context.visit(path(1))
    await page.locator('.tty-row').first().waitFor()
    await page.clock.install()
    const status = (): Promise<string | null> => page.textContent('[data-status]')
    await scrubTo(page, 0)
    assert.match((await status()) ?? '', /^At 0:00\.\d/)
    await page.focus('[data-do=play]')
    await page.keyboard.press('Enter')
    assert.equal(await page.getAttribute('[data-do=play]', 'aria-label'), 'Pause')
    assert.equal(await status(), '')
    await page.clock.runFor(300)
    await page.keyboard.press('Space')
    assert.equal(await page.getAttribute('[data-do=play]', 'aria-label'), 'Play')
    const at = Number(await page.inputValue('.scrub'))
    await page.focus('[data-do=step]')
    await page.keyboard.press('Enter')
    assert.equal(Number(await page.inputValue('.scrub')), at + 1)
    assert.match((await status()) ?? '', /^At /)
    await page.focus('[data-do=speed]')
    await page.keyboard.press('Enter')
    assert.equal(await page.textContent('[data-do=speed]'), '2×')
    assert.deepEqual(findings, CLEAN)
    await context.close()
  })

  test('shows the same frame whichever way it was reached', async () => {
    const context = await lab.context(VIEWS[0]!)
    const { page } = await context.visit(path(2))
    await page.locator('.tty-row').first().waitFor()
    const last = Number(await page.getAttribute('.scrub', 'max'))
    const middle = Math.floor(last / 2)
    await scrubTo(page, middle)
    const back = await page.innerHTML('.tty')
    await scrubTo(page, 0)
    await scrubTo(page, middle)
    assert.equal(await page.innerHTML('.tty'), back)
    await context.close()
  })

  test('changes the screen at most once a second for who asked for less motion', async () => {
    const context = await lab.context(VIEWS[0]!, { reducedMotion: 'reduce' })
    const { page } = await context.visit(path(2))
    await page.locator('.tty-row').first().waitFor()
    await page.clock.install()
    await scrubTo(page, 0)
    await page.click('[data-do=play]')
    const at = (): Promise<number> => page.inputValue('.scrub').then(Number)
    await page.clock.runFor(900)
    assert.equal(await at(), 0)
    await page.clock.runFor(200)
    assert.ok((await at()) > 1)
    await context.close()
  })
})

async function scrubTo(page: Page, at: number): Promise<void> {
  await page.locator('.scrub').evaluate((element, to) => {
    const scrub = element as { value?: string } & EventTarget
    scrub.value = String(to)
    scrub.dispatchEvent(new Event('input'))
    scrub.dispatchEvent(new Event('change'))
  }, at)
}

/** What stands in screen and texts beside rows, spans and list items. */
const TAGS = `[...document.querySelectorAll('.tty *, .transcript *, .typed *')]
  .filter((one) => !['DIV', 'SPAN', 'LI', 'CODE'].includes(one.tagName) ||
    [...one.attributes].some(({ name, value }) => !(name === 'class' && /^[a-z0-9 -]*$/.test(value)) && !(name === 'dir' && value === 'ltr')))
  .map((one) => one.outerHTML.slice(0, 200))`
