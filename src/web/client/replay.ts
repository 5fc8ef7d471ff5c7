/** Plays the frames of a terminal: text nodes and classes of our own style sheet, nothing else. */

type Run = {
  readonly text: string
  readonly colour?: number
  readonly background?: number
  readonly style?: number
}

type Frame = {
  readonly atMs: number
  readonly trueMs: number
  readonly lines: readonly { readonly row: number; readonly runs: readonly Run[] }[]
  readonly cursor?: readonly [number, number]
}

type Replay = {
  readonly columns: number
  readonly rows: number
  readonly durationMs: number
  readonly trueDurationMs: number
  readonly frames: readonly Frame[]
  readonly inputs: readonly {
    readonly trueMs: number
    readonly kind: 'typed' | 'command'
    readonly text: string
    readonly moreBytes: number
  }[]
  readonly transcript: readonly string[]
  readonly notes: readonly string[]
  readonly dropped: Readonly<Record<string, number>>
}

const BOXED = 64
const STYLES = [
  [1, 'tb'],
  [2, 'td'],
  [4, 'ti'],
  [8, 'tu'],
  [16, 'tv'],
  [32, 'ts'],
] as const

/** Nodes of one text that are boxes, and what stands between them; the rest stays spelled out. */
const BOXES_MAX = 4_000

const SPEEDS = [1, 2, 4, 8, 0.5]

/** Milliseconds between two changes of the screen for people who asked for less motion. */
const CALM_MS = 1_000

const DROPPED_WORDS: Readonly<Record<string, string>> = {
  title: 'titles of the window',
  clipboard: 'writes to the clipboard',
  link: 'links',
  string: 'device strings and images',
  query: 'questions to the terminal',
  window: 'changes of the window',
  mode: 'changes of modes',
  bell: 'bells',
  concealed: 'orders to hide text',
  other: 'other sequences',
}

// What takes two columns, about: it only decides where the cursor is drawn.
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u
const MARK = /\p{M}/u

for (const element of document.querySelectorAll<HTMLElement>('.player[data-frames]'))
  void start(element)

async function start(element: HTMLElement): Promise<void> {
  const screen = part<HTMLElement>(element, '.tty')
  const say = (words: string): void => {
    const line = document.createElement('p')
    line.className = 'tty-say'
    line.textContent = words
    screen.replaceChildren(line)
  }
  say('Loading ...')
  try {
    const answer = await fetch(element.dataset['frames']!, {
      headers: { Accept: 'application/json' },
    })
    const document = await answer.json()
    if (answer.ok) play(element, screen, document as Replay)
    else
      say(
        `${document?.error?.message ?? 'The replay could not be made.'} ${document?.error?.hint ?? ''}`,
      )
  } catch {
    say('The replay could not be loaded.')
  }
}

function play(element: HTMLElement, screen: HTMLElement, replay: Replay): void {
  const controls = part<HTMLElement>(element, '.ttyctl')
  const playButton = part<HTMLButtonElement>(controls, '[data-do="play"]')
  const stepButton = part<HTMLButtonElement>(controls, '[data-do="step"]')
  const speedButton = part<HTMLButtonElement>(controls, '[data-do="speed"]')
  const scrub = part<HTMLInputElement>(controls, '.scrub')
  const clock = part<HTMLOutputElement>(controls, 'output')
  const status = part<HTMLElement>(element, '[data-status]')
  const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches
  const { frames } = replay
  const last = Math.max(0, frames.length - 1)
  const rows = Array.from({ length: replay.rows }, () => {
    const row = document.createElement('div')
    row.className = 'tty-row'
    return row
  })
  let content: (readonly Run[])[] = rows.map(() => [])
  let at = -1
  let cursorRow = -1
  let speed = 0
  let timer: number | undefined
  let isPlaying = false

  const show = (to: number): void => {
    const changed = new Set<number>()
    if (to < at) {
      content = rows.map(() => [])
      rows.forEach((_, i) => {
        changed.add(i)
      })
      at = -1
    }
    for (let i = at + 1; i <= to; i += 1)
      for (const { row, runs } of frames[i]?.lines ?? []) {
        content[row] = runs
        changed.add(row)
      }
    at = to
    const cursor = frames[at]?.cursor
    if (cursorRow >= 0) changed.add(cursorRow)
    cursorRow = cursor?.[1] ?? -1
    if (cursorRow >= 0) changed.add(cursorRow)
    for (const row of changed)
      rows[row]?.replaceChildren(
        ...nodesOf(content[row] ?? [], row === cursorRow ? cursor![0] : -1),
      )
    keepInView(screen, rows[cursorRow])
    const frame = frames[at]
    scrub.value = String(at)
    const seconds = (frame?.trueMs ?? 0) / 1_000
    scrub.setAttribute('aria-valuetext', `${seconds.toFixed(1)} seconds`)
    clock.textContent = timeOf(frame?.trueMs ?? 0)
    if (!isPlaying) screen.setAttribute('aria-label', `Terminal at ${seconds.toFixed(1)} seconds`)
  }

  const tell = (): void => {
    const line = content.findLast((runs) => runs.some(({ text }) => text.trim() !== '')) ?? []
    status.textContent = `At ${timeOf(frames[at]?.trueMs ?? 0)}: ${line.map(({ text }) => text).join('')}`
  }

  const pause = (): void => {
    clearTimeout(timer)
    isPlaying = false
    setButton(playButton, 'Play', '#i-play')
    show(at)
    tell()
  }

  const next = (): void => {
    if (at >= last) {
      pause()
      return
    }
    const from = frames[at]?.atMs ?? 0
    let to = at + 1
    if (isCalm) while (to < last && frames[to + 1]!.atMs - from < CALM_MS) to += 1
    const waitMs = (frames[to]!.atMs - from) / SPEEDS[speed]!
    timer = setTimeout(
      () => {
        show(to)
        next()
      },
      isCalm ? Math.max(CALM_MS, waitMs) : waitMs,
    )
  }

  playButton.addEventListener('click', () => {
    if (isPlaying) {
      pause()
      return
    }
    isPlaying = true
    // What changes many times a second is not read out.
    status.textContent = ''
    setButton(playButton, 'Pause', '#i-pause')
    if (at >= last) show(0)
    next()
  })
  stepButton.addEventListener('click', () => {
    pause()
    show(Math.min(last, at + 1))
    tell()
  })
  speedButton.addEventListener('click', () => {
    speed = (speed + 1) % SPEEDS.length
    speedButton.textContent = `${SPEEDS[speed]}×`
    speedButton.setAttribute('aria-label', `Speed ${SPEEDS[speed]} times`)
    if (!isPlaying) return
    clearTimeout(timer)
    next()
  })
  scrub.addEventListener('input', () => {
    const to = Number(scrub.value)
    if (isPlaying) pause()
    show(to)
  })
  scrub.addEventListener('change', tell)

  scrub.max = String(last)
  screen.replaceChildren(...rows)
  screen.classList.toggle('many', replay.columns > 100)
  controls.hidden = frames.length < 2
  fillTexts(element, replay)
  // A person sees at once what it is about; playing starts at the beginning.
  show(last)
}

/** Scrolls the screen, and never the page, to where things happen. */
function keepInView(screen: HTMLElement, row: HTMLElement | undefined): void {
  if (row === undefined) return
  const bottom = row.offsetTop + row.offsetHeight
  if (row.offsetTop < screen.scrollTop) screen.scrollTop = row.offsetTop
  else if (bottom > screen.scrollTop + screen.clientHeight)
    screen.scrollTop = bottom - screen.clientHeight + row.offsetHeight
}

/** Text nodes in spans; the cell of the cursor has a span of its own. */
function nodesOf(runs: readonly Run[], cursor: number): Node[] {
  const nodes: Node[] = []
  let column = 0
  for (const run of runs) {
    const isBoxed = ((run.style ?? 0) & BOXED) !== 0
    const characters = isBoxed ? [run.text] : [...run.text]
    let text = ''
    for (const character of characters) {
      const width = isBoxed ? 1 : MARK.test(character) ? 0 : WIDE.test(character) ? 2 : 1
      if (column === cursor && width > 0) {
        if (text !== '') nodes.push(span(text, run))
        text = ''
        nodes.push(span(character, run, 'cur'))
      } else text += character
      column += width
    }
    if (text !== '') nodes.push(span(text, run))
  }
  if (cursor >= column) {
    if (cursor > column) nodes.push(document.createTextNode(' '.repeat(cursor - column)))
    nodes.push(span(' ', { text: ' ' }, 'cur'))
  }
  return nodes
}

function span(text: string, run: Run, more = ''): Node {
  const { colour = 0, background = 0, style = 0 } = run
  const names = [
    ...(colour > 0 && colour <= 16 ? [`f${colour}`] : []),
    ...(background > 0 && background <= 16 ? [`b${background}`] : []),
    ...STYLES.filter(([bit]) => (style & bit) !== 0).map(([, name]) => name),
    ...((style & BOXED) === 0 ? [] : ['esc']),
    ...(more === '' ? [] : [more]),
  ]
  if (names.length === 0) return document.createTextNode(text)
  const node = document.createElement('span')
  node.className = names.join(' ')
  node.textContent = text
  return node
}

function fillTexts(element: HTMLElement, replay: Replay): void {
  const notes = Object.entries(replay.dropped)
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => `${DROPPED_WORDS[kind] ?? kind} (${count})`)
  part(element, '[data-notes]').replaceChildren(
    ...[
      `${replay.columns} × ${replay.rows}, ${timeOf(replay.trueDurationMs)}.`,
      ...replay.notes,
      ...(notes.length === 0 ? [] : [`Left out: ${notes.join(', ')}.`]),
    ].map(item),
  )
  const transcript = part<HTMLElement>(element, '[data-transcript]')
  transcript.replaceChildren(...boxedNodes(replay.transcript.join('\n')))
  const inputs = part<HTMLElement>(element, '[data-inputs]')
  inputs.replaceChildren(
    ...replay.inputs.map(({ trueMs, kind, text, moreBytes }) => {
      const line = item('')
      const time = document.createElement('span')
      time.className = 'faint nowrap'
      time.textContent = `${timeOf(trueMs)} ${kind === 'command' ? 'command' : ''}`
      const code = document.createElement('code')
      code.className = 'atk'
      code.dir = 'ltr'
      code.replaceChildren(...boxedNodes(text))
      line.append(time, ' ', code)
      if (moreBytes > 0) line.append(` and ${moreBytes} bytes`)
      return line
    }),
  )
  for (const details of element.querySelectorAll<HTMLElement>('.tty-text'))
    details.hidden = details.lastElementChild?.textContent === ''
}

const CONTROLS: Readonly<Record<string, string>> = {
  '00': 'NUL',
  '07': 'BEL',
  '08': 'BS',
  '09': 'TAB',
  '0A': 'LF',
  '0D': 'CR',
  '1B': 'ESC',
  '7F': 'DEL',
}

/** Escapes of the visible form in boxes, as the server draws them elsewhere. */
function boxedNodes(text: string): Node[] {
  const nodes: Node[] = []
  let from = 0
  for (const found of text.matchAll(/(\\+)([ub])\{([0-9A-F]{2,6})\}/g)) {
    const [whole, slashes, kind, code] = found
    // An even number of backslashes was typed: no escape.
    if (slashes!.length % 2 === 0) continue
    nodes.push(document.createTextNode(text.slice(from, found.index + slashes!.length - 1)))
    nodes.push(
      span(kind === 'b' ? code! : (CONTROLS[code!] ?? `U+${code}`), { text: '', style: BOXED }),
    )
    from = found.index + whole.length
    if (nodes.length > BOXES_MAX) break
  }
  nodes.push(document.createTextNode(text.slice(from)))
  return nodes
}

function item(text: string): HTMLLIElement {
  const line = document.createElement('li')
  line.textContent = text
  return line
}

function setButton(button: HTMLButtonElement, words: string, sign: string): void {
  button.setAttribute('aria-label', words)
  button.querySelector('use')?.setAttribute('href', sign)
}

function timeOf(ms: number): string {
  const seconds = ms / 1_000
  const whole = Math.floor(seconds / 60)
  return `${whole}:${(seconds % 60).toFixed(1).padStart(4, '0')}`
}

/** A part that the server wrote into the page. */
function part<E extends Element = Element>(within: Element, selector: string): E {
  return within.querySelector<E>(selector)!
}
