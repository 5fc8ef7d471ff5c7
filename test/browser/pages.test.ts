/** Every page that can be asked for without an id, in a real browser: nothing of an attacker works, everyone can use it. */
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { RECORDED_SESSION } from './store.ts'
import { openLab, plainPages, VIEWS } from './support.ts'

describe('pages in a browser', async () => {
  const lab = await openLab()
  if (typeof lab === 'string') {
    test('are shown', { skip: lab }, () => {})
    return
  }
  after(() => lab.close())
  const plain = await plainPages()
  const session = `/sessions/replay/${RECORDED_SESSION}`
  const paths = [...plain, session, `${session}/replay`]

  test('the list of pages is that of the program', () => {
    for (const path of ['/', '/sign-in', '/users', '/tokens', '/settings'])
      assert.ok(plain.includes(path), path)
  })

  test('nothing that an attacker wrote runs, loads, or becomes an element', async () => {
    const context = await lab.context(VIEWS[0]!)
    for (const path of paths) {
      const { status, isHtml, findings } = await context.visit(path)
      assert.ok(status < 500, `${path} answers ${status}`)
      if (!isHtml) continue
      assert.deepEqual(
        findings,
        { calls: [], violations: [], foreignRequests: [], elements: [], errors: [] },
        path,
      )
    }
    await context.close()
  })

  for (const view of VIEWS) {
    test(`everyone can use them: ${view.name}, ${view.width} wide`, async () => {
      const context = await lab.context(view, { bypassCSP: true })
      for (const path of paths) {
        const { isHtml, page } = await context.visit(path)
        if (!isHtml) continue
        if (path.startsWith(session)) await page.locator('.tty-row').first().waitFor()
        const name = path.replace(/^\//, '').replaceAll(/[^a-z0-9]+/g, '-') || 'overview'
        await context.screenshot(name)
        const wide = await page.evaluate<number>(
          'document.documentElement.scrollWidth - document.documentElement.clientWidth',
        )
        assert.ok(wide <= 0, `${path} is ${wide} pixels wider than the screen`)
        assert.deepEqual(await context.axe(), [], `${path} in ${view.name}`)
      }
      await context.close()
    })
  }

  test('what would run is found, by a page without our policy', async () => {
    const context = await lab.context(VIEWS[0]!, { bypassCSP: true })
    const { page, findings } = await context.visit('/sign-in')
    await page.evaluate(`{
      const image = document.createElement('img')
      image.setAttribute('onerror', 'alert(1)')
      document.body.append(image)
      const link = document.createElement('a')
      link.href = 'javascript:alert(2)'
      document.body.append(link)
      new Function('2')
      new Promise((done) => {
        image.addEventListener('error', done)
        image.src = 'http://127.0.0.1:9/x'
      })
    }`)
    assert.deepEqual(findings.calls, ['new Function 2', 'alert 1'])
    assert.match(findings.elements.join('\n'), /element: <img/)
    assert.match(findings.elements.join('\n'), /onerror: <img/)
    assert.match(findings.elements.join('\n'), /href: <a/)
    assert.deepEqual(findings.foreignRequests, ['http://127.0.0.1:9/x'])
    await context.close()
  })

  test('what would run is stopped by our policy, and that is found', async () => {
    const context = await lab.context(VIEWS[0]!)
    const { page, findings } = await context.visit('/sign-in')
    await page.evaluate(`new Promise((done) => setTimeout(() => {
      try { eval('globalThis.hit = 1') } catch {}
      try { document.body.innerHTML = '<img src=x onerror=alert(1)>' } catch {}
      const script = document.createElement('script')
      try { script.text = 'globalThis.hit = 2' } catch {}
      document.body.append(script)
      setTimeout(done, 0)
    }, 0))`)
    assert.equal(await page.evaluate('globalThis.hit'), undefined)
    assert.deepEqual(findings.calls, [])
    assert.ok(findings.violations.length >= 3, findings.violations.join('\n'))
    await context.close()
  })
})
