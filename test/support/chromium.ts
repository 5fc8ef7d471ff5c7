/** The browser of the tests. */
import type { Browser } from 'playwright-core'

const START_MS_MAX = 30_000

/** @returns the browser, or why none starts here: tests are skipped with these words then */
export async function launchBrowser(): Promise<Browser | string> {
  try {
    const { default: chromium } = await import('@sparticuz/chromium')
    const { chromium: driver } = await import('playwright-core')
    // Its security as it is at a desk, but for the sandbox that containers do not give it.
    return await driver.launch({
      executablePath: await chromium.executablePath(),
      args: ['--no-sandbox', '--disable-gpu'],
      headless: true,
      timeout: START_MS_MAX,
    })
  } catch (error) {
    return `no browser starts here: ${String(error).slice(0, 100)}`
  }
}
