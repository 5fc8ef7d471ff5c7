/**
 * A real browser at a real dashboard: `nacre serve` in a process of its own, on a store full of hostile text.
 *
 * A visit tells what a page did that it must not: scripts that ran, violations of the policy, requests to elsewhere,
 * elements that no page of ours has, errors of the console. Pictures of pages are left in `.tmp/screenshots`.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { launchBrowser } from '../support/chromium.ts'
import { NACRE, ROOT } from '../support/cli.ts'
import { withDashboard } from '../support/web.ts'
import { fillStore } from './store.ts'

const ADMIN = 'browser'
const PASSWORD = 'mussel opaline tidewater'
/** Pixels of a page that is pictured whole: of longer ones the first screen says enough, and costs little. */
const PICTURE_HEIGHT_MAX = 4_000

/** How somebody looks at pages. */
export type View = {
  readonly name: string
  readonly width: number
  readonly scheme: 'light' | 'dark'
  /** What of axe can differ from the first view: each rule looks at all of a page. */
  readonly rules: 'all' | 'colours' | 'all but colours'
}

export const VIEWS: readonly View[] = [
  { name: 'light', width: 1_280, scheme: 'light', rules: 'all' },
  { name: 'dark', width: 1_280, scheme: 'dark', rules: 'colours' },
  { name: 'narrow', width: 390, scheme: 'light', rules: 'all but colours' },
]

/** What a page did that it must not; every list is empty for a good one. */
export type Findings = {
  /** Calls that only a script of an attacker would make. */
  readonly calls: string[]
  readonly violations: string[]
  /** Requests that would leave the machine, or go to another server. */
  readonly foreignRequests: string[]
  /** Elements and attributes that no page has. */
  readonly elements: string[]
  readonly errors: string[]
}

export type Visit = {
  readonly page: Page
  readonly status: number
  readonly isHtml: boolean
  readonly findings: Findings
}

export type Problem = { readonly rule: string; readonly impact: string; readonly nodes: string[] }

export type Lab = {
  /** Scheme, host and port of the dashboard. */
  readonly origin: string
  readonly data: string
  /** A browser of its own, with nothing kept from before; signed in as admin unless told otherwise. */
  context(
    view: View,
    more?: BrowserContextOptions & { readonly isNobody?: boolean },
  ): Promise<Context>
  close(): Promise<void>
}

/** Pages of one context share cookies, and what is found in one is told by the visit that it came in. */
export type Context = {
  /** Goes there, and waits until its scripts are done. */
  visit(path: string): Promise<Visit>
  /** Rules of axe that the page breaks. Needs a context with `bypassCSP`, since axe is a script of another origin. */
  axe(): Promise<readonly Problem[]>
  /** @param name - letters, digits and dashes */
  screenshot(name: string): Promise<void>
  readonly page: Page
  close(): Promise<void>
}

/** @returns why it cannot be tested here, as a text, where no browser starts */
export async function openLab(): Promise<Lab | string> {
  const browser = await launchBrowser()
  if (typeof browser === 'string') return browser
  const folder = mkdtempSync(join(tmpdir(), 'nacre-browser-'))
  let server: ChildProcess | undefined
  const close = async (): Promise<void> => {
    await browser.close()
    if (server !== undefined) await ended(server)
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    const data = fillStore(folder)
    server = spawn(NACRE, ['serve', '--port', '0', '--data', data], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const link = await firstLink(server)
    const { origin } = new URL(link)
    const state = await firstSignIn(browser, link)
    return {
      origin,
      data,
      context: (view, { isNobody, ...more } = {}) =>
        openContext(browser, origin, view, {
          ...(isNobody === true ? {} : { storageState: state }),
          ...more,
        }),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Paths of all pages that anybody can ask for without knowing an id; a path with a dot is a file. */
export async function plainPages(): Promise<readonly string[]> {
  const paths: string[] = []
  await withDashboard(async ({ routes }) => {
    for (const { method, path } of routes)
      if (method === 'GET' && !/[:.]|^\/api\//.test(path)) paths.push(path)
  })
  return paths
}

/** The link with which the first user is made, once the server listens. */
async function firstLink(server: ChildProcess): Promise<string> {
  const said: string[] = []
  for await (const line of createInterface(server.stderr!)) {
    said.push(line)
    const link = /https?:\S+\/first#\S+/.exec(line)?.[0]
    if (link === undefined) continue
    // Whatever it says later must not fill the pipe.
    server.stderr!.resume()
    return link
  }
  throw new Error(`the dashboard did not start: ${said.join('\n').slice(0, 1_000)}`)
}

async function ended(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return
  const exit = new Promise((resolve) => server.once('exit', resolve))
  server.kill('SIGTERM')
  await exit
}

type StorageState = Awaited<ReturnType<BrowserContext['storageState']>>

/** The first user, made and signed in as a person does it. */
async function firstSignIn(browser: Browser, link: string): Promise<StorageState> {
  const context = await browser.newContext()
  try {
    const page = await context.newPage()
    await page.goto(link)
    await page.fill('[name=name]', ADMIN)
    await page.fill('[name=password]', PASSWORD)
    await page.fill('[name=again]', PASSWORD)
    await page.click('form[action="/first"] button[type=submit]')
    await page.waitForLoadState('load')
    if (new URL(page.url()).pathname === '/sign-in') {
      await page.fill('[name=name]', ADMIN)
      await page.fill('[name=password]', PASSWORD)
      await page.click('form[action="/sign-in"] button[type=submit]')
      await page.waitForLoadState('load')
    }
    const state = await context.storageState()
    if (!state.cookies.some(({ name }) => /^(?:__Host-)?nacre$/.test(name)))
      throw new Error(`nobody is signed in at ${page.url()}`)
    return state
  } finally {
    await context.close()
  }
}

async function openContext(
  browser: Browser,
  origin: string,
  view: View,
  options: BrowserContextOptions,
): Promise<Context> {
  const context = await browser.newContext({
    viewport: { width: view.width, height: 900 },
    colorScheme: view.scheme,
    ...options,
  })
  let findings = noFindings()
  await context.exposeBinding('nacreFound', (_, kind: keyof Findings, text: string) => {
    findings[kind]?.push(text)
  })
  await context.addInitScript(DETECTOR)
  context.on('request', (request) => {
    const url = request.url()
    if (!url.startsWith(`${origin}/`)) findings.foreignRequests.push(url)
  })
  const page = await context.newPage()
  page.on('console', (message) => {
    if (message.type() === 'error') findings.errors.push(message.text())
  })
  page.on('pageerror', (error) => findings.errors.push(String(error)))
  page.on('dialog', (dialog) => {
    findings.calls.push(`dialog ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('popup', (popup) => findings.calls.push(`popup ${popup.url()}`))
  page.on('download', (download) => findings.calls.push(`download ${download.url()}`))
  return {
    page,
    async visit(path) {
      findings = noFindings()
      // A page with live events is never without requests: its load is its end.
      const answer = await page.goto(`${origin}${path}`, { waitUntil: 'load' })
      const own = findings
      await page.evaluate('new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)))')
      return {
        page,
        status: answer?.status() ?? 0,
        isHtml: /^text\/html/.test(answer?.headers()['content-type'] ?? ''),
        findings: own,
      }
    },
    async axe() {
      await page.evaluate(AXE)
      return await page.evaluate(axeRun(view))
    },
    async screenshot(name) {
      const folder = join(ROOT, '.tmp/screenshots')
      mkdirSync(folder, { recursive: true })
      const height = await page.evaluate<number>('document.documentElement.scrollHeight')
      await page.screenshot({
        path: join(folder, `${name}-${view.name}.png`),
        fullPage: height < PICTURE_HEIGHT_MAX,
      })
    },
    close: () => context.close(),
  }
}

function noFindings(): Findings {
  return { calls: [], violations: [], foreignRequests: [], elements: [], errors: [] }
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

function axeRun({ rules }: View): string {
  const which = rules === 'colours' ? ['color-contrast'] : TAGS
  const options = {
    runOnly: which,
    resultTypes: ['violations'],
    ...(rules === 'all but colours' ? { rules: { 'color-contrast': { enabled: false } } } : {}),
  }
  return `axe.run(document, ${JSON.stringify(options)}).then(({ violations }) =>
    violations.map(({ id, impact, nodes }) => ({
      rule: id,
      impact,
      nodes: nodes.slice(0, 5).map(({ html, any }) => html.slice(0, 200) + ' ' + (any[0]?.message ?? '')),
    })))`
}

/**
 * Runs in every page before anything of it: reports calls that no page of ours makes, and what stands in it that no
 * page of ours has. A text, because it belongs to the page. `eval` is left alone, for the driver calls it; where a page
 * does, its policy is violated, and that is found.
 */
const DETECTOR = `(() => {
  const found = (kind, text) => globalThis.nacreFound(kind, String(text).slice(0, 300))
  for (const name of ['alert', 'confirm', 'prompt', 'print', 'open'])
    globalThis[name] = (...given) => found('calls', name + ' ' + given.join(' '))
  globalThis.Function = new Proxy(globalThis.Function, {
    apply: (_, __, given) => found('calls', 'Function ' + given.join(' ')),
    construct: (_, given) => {
      found('calls', 'new Function ' + given.join(' '))
      return () => {}
    },
  })
  document.addEventListener('securitypolicyviolation', (event) =>
    found('violations', event.effectiveDirective + ' ' + event.blockedURI + ' ' + event.sample))

  const own = (address) => {
    const url = new URL(address, location.href)
    return url.origin === location.origin
  }
  const asset = (address) => own(address) && new URL(address, location.href).pathname.startsWith('/assets/')
  const NEVER = new Set(['IFRAME', 'FRAME', 'OBJECT', 'EMBED', 'APPLET', 'BASE', 'STYLE', 'IMG', 'VIDEO', 'AUDIO',
    'MATH', 'TEMPLATE', 'PORTAL', 'MARQUEE', 'FOREIGNOBJECT', 'ANIMATE', 'SET'])
  const look = (element) => {
    const say = (why) => found('elements', why + ': ' + element.outerHTML.slice(0, 200))
    const name = element.tagName.toUpperCase()
    if (NEVER.has(name)) say('element')
    if (name === 'SCRIPT' && !(element.src && asset(element.src) && element.text === '')) say('script')
    if (name === 'LINK' && !asset(element.href)) say('link')
    if (name === 'META' && element.httpEquiv !== '') say('meta')
    for (const { name: attribute, value } of element.attributes) {
      if (/^on/i.test(attribute)) say(attribute)
      if (attribute === 'style' || attribute === 'srcdoc') say(attribute)
      if (!/^(?:href|src|action|formaction|xlink:href|data-frames|data-url)$/.test(attribute)) continue
      if (/^[\\s\\u0000-\\u0020]*(?:javascript|data|vbscript|blob|file):/i.test(value) || !own(value)) say(attribute)
    }
  }
  const lookWithin = (node) => {
    if (node.nodeType !== Node.ELEMENT_NODE) return
    look(node)
    for (const element of node.querySelectorAll('*')) look(element)
  }
  new MutationObserver((changes) => {
    for (const { type, target, addedNodes } of changes) {
      if (type === 'attributes') look(target)
      else for (const node of addedNodes) lookWithin(node)
    }
  }).observe(document, { subtree: true, childList: true, attributes: true })
})()`
