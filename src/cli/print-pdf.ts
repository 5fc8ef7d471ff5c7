/** Makes PDF files of pages: a Chromium of this machine prints them, without network, scripts or files of ours. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import type { Encoded } from '../core/encoded.ts'
import { PdfError } from '../core/errors.ts'
import { LIMITS } from '../limits.ts'
import { emptyNetwork } from './isolation/run.ts'

export type Printer = {
  /** Path of a Chromium or of one of its relatives. */
  readonly chromium: string
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

export type Printed = {
  readonly pdf: Buffer
  /** Walls around the browser that this machine did not give it; in words of ours. */
  readonly missing: readonly string[]
}

/**
 * Prints a page that loads nothing by itself. The browser gets it through a pipe and gives the PDF back through one:
 * nothing of either lies in a file.
 *
 * @throws PdfError `PDF_FAILED`, `PDF_TOO_SLOW`
 */
export async function printPdf(page: Encoded<'html'>, printer: Printer): Promise<Printed> {
  const walls = wallsHere()
  // Of its owner alone; what a browser keeps of its own goes here, and away with it.
  const profile = mkdtempSync(join(tmpdir(), 'nacre-print-'))
  try {
    const command = [...walls.before, printer.chromium, ...flags(profile, walls.hasSandbox)]
    const child = spawn(command[0]!, command.slice(1), {
      cwd: profile,
      // Nothing of our environment, which may hold secrets, but what a program needs to start.
      env: { PATH: process.env['PATH'] ?? '', LANG: 'C.UTF-8', HOME: profile, TMPDIR: profile },
      // A group of its own: all its processes end with it.
      detached: true,
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    })
    try {
      return { pdf: await ended(child, printer, print(child, page.text)), missing: walls.missing }
    } finally {
      await killed(child)
    }
  } finally {
    // Its processes were told to end; the last of them may still be writing.
    rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
  }
}

/** What keeps the browser in: as much as this machine gives. */
function wallsHere(): {
  readonly before: readonly string[]
  readonly hasSandbox: boolean
  readonly missing: readonly string[]
} {
  const isRoot = process.getuid?.() === 0
  const network = emptyNetwork()
  // Who looks like root in there gets no sandbox of the browser, which is worth more.
  const before = network.includes('--map-root-user') ? [] : network
  return {
    before,
    hasSandbox: !isRoot,
    missing: [
      ...(isRoot ? ['its sandbox, which it refuses to the root user'] : []),
      ...(before.length === 0 ? ['a network name space of its own'] : []),
    ],
  }
}

function flags(profile: string, hasSandbox: boolean): readonly string[] {
  return [
    '--headless',
    '--remote-debugging-pipe',
    `--user-data-dir=${profile}`,
    ...(hasSandbox ? [] : ['--no-sandbox']),
    // Should the page or the browser ask for something, there is nobody to ask.
    '--host-resolver-rules=MAP * ~NOTFOUND',
    '--proxy-server=http://127.0.0.1:9',
    '--proxy-bypass-list=<-loopback>',
    '--blink-settings=scriptEnabled=false',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-default-apps',
    '--disable-dev-shm-usage',
    '--disable-domain-reliability',
    '--disable-extensions',
    '--disable-gpu',
    '--disable-sync',
    '--font-render-hinting=none',
    '--hide-scrollbars',
    '--metrics-recording-only',
    '--mute-audio',
    '--no-default-browser-check',
    '--no-first-run',
    '--no-pings',
    '--password-store=basic',
    '--use-mock-keychain',
  ]
}

/** The work, unless the browser ends first, the time is up or the program is stopped. @throws PdfError */
async function ended<T>(child: ChildProcess, printer: Printer, work: Promise<T>): Promise<T> {
  const { timeoutMs, signal } = printer
  let timer: NodeJS.Timeout | undefined
  let stop: (() => void) | undefined
  const failure = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new PdfError('PDF_TOO_SLOW', `Printing took more than ${timeoutMs / 1000} seconds.`, {
            hint: 'Make the report shorter with --top, or write --format html and print it yourself.',
          }),
        ),
      timeoutMs,
    )
    stop = () => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    child.once('error', (cause) => reject(failed('could not be started', cause)))
    child.once('exit', () => reject(failed('ended before the PDF was made')))
  })
  try {
    return await Promise.race([work, failure])
  } finally {
    clearTimeout(timer)
    if (stop !== undefined) signal.removeEventListener('abort', stop)
    // Whichever comes second has nobody who waits for it.
    failure.catch(() => {})
    work.catch(() => {})
  }
}

function failed(what: string, cause?: unknown): PdfError {
  return new PdfError('PDF_FAILED', `Chromium ${what}.`, {
    hint: 'Try the browser by itself, or name another one with the setting report.chromium.',
    cause,
  })
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.pid === undefined) return
  const gone = new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve()
    else child.once('exit', () => resolve())
  })
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // All of the group are gone already.
  }
  await gone
}

/** Speaks the DevTools protocol: https://chromedevtools.github.io/devtools-protocol/ */
async function print(child: ChildProcess, page: string): Promise<Buffer> {
  const browser = connection(child.stdio[3] as Writable, child.stdio[4] as Readable) // as asked for above
  const { targetId } = await browser.call('Target.createTarget', { url: 'about:blank' })
  const attached = await browser.call('Target.attachToTarget', { targetId, flatten: true })
  const session = String(attached['sessionId'])
  const call = (method: string, params: object = {}): Promise<Answer> =>
    browser.call(method, params, session)
  await call('Page.enable')
  await call('Emulation.setScriptExecutionDisabled', { value: true })
  await call('Network.enable')
  await call('Network.setBlockedURLs', { urls: ['*'] })
  const tree = await call('Page.getFrameTree')
  const { frame } = tree['frameTree'] as { frame: { id: string } } // as the protocol says
  const loaded = browser.event('Page.loadEventFired')
  await call('Page.setDocumentContent', { frameId: frame.id, html: page })
  await loaded
  const { data } = await call('Page.printToPDF', {
    preferCSSPageSize: true,
    printBackground: true,
    generateTaggedPDF: true,
    generateDocumentOutline: true,
  })
  const pdf = Buffer.from(String(data), 'base64')
  if (!pdf.subarray(0, 5).equals(Buffer.from('%PDF-'))) throw failed('gave no PDF')
  return pdf
}

type Answer = Readonly<Record<string, unknown>>

type Connection = {
  call(method: string, params: object, sessionId?: string): Promise<Answer>
  /** The next event of a name. */
  event(method: string): Promise<void>
}

/** Messages are JSON, each ended by a NUL. */
function connection(to: Writable, from: Readable): Connection {
  const waiting = new Map<number, (message: Answer) => void>()
  const events = new Map<string, () => void>()
  let last = 0
  let parts: Buffer[] = []
  let bytes = 0
  const broken: { reject: (error: unknown) => void }[] = []
  const breakOff = (error: unknown): void => {
    for (const { reject } of broken) reject(error)
  }
  const take = (message: Answer): void => {
    const id = Number(message['id'] ?? 0)
    waiting.get(id)?.(message)
    waiting.delete(id)
    if (typeof message['method'] === 'string') events.get(message['method'])?.()
  }
  from.on('data', (chunk: Buffer) => {
    let start = 0
    for (let end = chunk.indexOf(0); end >= 0; end = chunk.indexOf(0, start)) {
      const whole = Buffer.concat([...parts, chunk.subarray(start, end)]).toString()
      parts = []
      bytes = 0
      start = end + 1
      try {
        take(JSON.parse(whole) as Answer) // an object, by the protocol
      } catch (cause) {
        breakOff(failed('answered with what is no JSON', cause))
      }
    }
    parts.push(chunk.subarray(start))
    bytes += chunk.length - start
    if (bytes > LIMITS.pdfMessageBytesMax) {
      breakOff(failed('gave a PDF that is too large'))
      from.destroy()
    }
  })
  // Its end is told by its exit.
  from.on('error', () => {})
  to.on('error', () => {})
  return {
    call: (method, params, sessionId) =>
      new Promise((resolve, reject) => {
        last += 1
        broken.push({ reject })
        waiting.set(last, (message) => {
          if (message['error'] === undefined) resolve(message['result'] as Answer)
          else reject(failed(`refused ${method}`))
        })
        to.write(`${JSON.stringify({ id: last, method, params, sessionId })}\0`)
      }),
    event: (method) => new Promise((resolve) => events.set(method, resolve)),
  }
}
