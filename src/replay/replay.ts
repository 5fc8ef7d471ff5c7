/**
 * A recording of a terminal as inert frames: what changed on the screen, when, and nothing that a browser or terminal
 * could obey.
 *
 * What it costs does not depend on what is in the recording beyond `LIMITS.replayStepsMax`: where the steps are used
 * up, it ends, and says so.
 */
import { LIMITS } from '../limits.ts'
import { toVisibleParts, visibleBytesText } from '../neutralize/visible.ts'
import { type Dropped, Filter, type Steps } from './filter.ts'
import { type Row, Screen, WIDE_TAIL } from './screen.ts'
import { type Ink, inkParts, STYLE } from './style.ts'
import { TextBuilder } from './text-builder.ts'
import { readTtyLog, type TtyEnd, type TtyReading } from './ttylog.ts'

/** Cells side by side that look alike. Colours are 1 to 16, absent for none; `style` has the bits of `STYLE`. */
export type Run = {
  /** No control, bidi or invisible character; with `STYLE.boxed` the name of one: `U+202E`, or a byte: `FF`. */
  readonly text: string
  readonly colour?: number
  readonly background?: number
  readonly style?: number
}

export type Line = { readonly row: number; readonly runs: readonly Run[] }

export type ReplayFrame = {
  /** Milliseconds from the start at which it is shown; pauses are shortened. */
  readonly atMs: number
  /** The same as recorded. */
  readonly trueMs: number
  /** Rows that changed. */
  readonly lines: readonly Line[]
  /** Column and row from 0; absent while it is hidden. */
  readonly cursor?: readonly [number, number]
}

/** What the client sent. */
export type ReplayInput = {
  readonly atMs: number
  readonly trueMs: number
  /** `command` came with an exec request. */
  readonly kind: 'typed' | 'command'
  /** In visible form. */
  readonly text: string
  /** Bytes that are not shown. */
  readonly moreBytes: number
}

export type Replay = {
  readonly columns: number
  readonly rows: number
  /** Microseconds since 1970 of the first record; absent where there is none. */
  readonly startedAtUs?: number
  readonly durationMs: number
  readonly trueDurationMs: number
  readonly frames: readonly ReplayFrame[]
  readonly inputs: readonly ReplayInput[]
  /** What was on the screen, line by line, also what left it; in visible form. */
  readonly transcript: readonly string[]
  readonly end: TtyEnd
  /** SHA-256 of what was typed; a recording that was closed is named by it. */
  readonly inputSha256: string
  /** Whether something behind this was not looked at. */
  readonly isTruncated: boolean
  /** What a reader must know, in sentences of the program. */
  readonly notes: readonly string[]
  readonly dropped: Dropped
}

export type ReplaySize = { readonly columns: number; readonly rows: number }

/** Microseconds since 1970 of the first and last event of the session that is asked for. */
export type SessionSpan = readonly [number, number]

/** Cowrie names recordings by what was typed: another session has the same name where the same was typed. */
function isOfAnother(startUs: number | undefined, span: SessionSpan | undefined): boolean {
  return (
    startUs !== undefined &&
    span !== undefined &&
    (startUs < span[0] - SPAN_SLACK_US || startUs > span[1] + SPAN_SLACK_US)
  )
}

/** The events of a session and its recording are written one after the other. */
const SPAN_SLACK_US = 2_000_000

/** The size that Cowrie's own player takes. */
export const DEFAULT_SIZE: ReplaySize = { columns: 80, rows: 24 }

/** A size that a client claimed, brought to what is played. */
export function boundedSize(columns: unknown, rows: unknown): ReplaySize {
  if (typeof columns !== 'number' || typeof rows !== 'number' || !(columns > 0 && rows > 0))
    return DEFAULT_SIZE
  return {
    columns: Math.max(20, Math.min(LIMITS.replayColumnsMax, Math.trunc(columns))),
    rows: Math.max(5, Math.min(LIMITS.replayRowsMax, Math.trunc(rows))),
  }
}

/**
 * @param isWhole - whether `bytes` are all of the file
 * @param span - of the session, where one is asked for
 */
export function makeReplay(
  bytes: Uint8Array,
  size: ReplaySize = DEFAULT_SIZE,
  isWhole = bytes.length < LIMITS.replayFileBytesMax,
  span?: SessionSpan,
): Replay {
  const steps: Steps = { left: LIMITS.replayStepsMax }
  const transcript = new Transcript()
  const screen = new Screen(size.columns, size.rows, steps, (row) => {
    if (transcript.isCut) return
    steps.left -= row.isBlank ? 4 : 4 + (size.columns >> 1)
    transcript.take(row)
  })
  const filter = new Filter(screen, steps, size.columns)
  const frames = new Frames(screen, steps)
  const inputs = new Inputs()
  const clock = new Clock()
  const reading = readTtyLog(bytes.subarray(0, LIMITS.replayFileBytesMax), isWhole, (record) => {
    clock.advance(record.atUs)
    if (record.direction !== 'output') {
      inputs.add(record.data, record.direction === 'command', clock)
      return record.data.length
    }
    frames.before(clock.playMs)
    const taken = filter.write(record.data)
    frames.changed(clock.playMs, clock.trueMs)
    return taken
  })
  // What is kept ready for the end, beyond the steps of the recording: one look at the screen.
  filter.end()
  frames.finish()
  screen.flush()
  const isTruncated = reading.end === 'too-long'
  return {
    columns: size.columns,
    rows: size.rows,
    ...(clock.startUs === undefined ? {} : { startedAtUs: clock.startUs }),
    durationMs: Math.round(clock.playMs),
    trueDurationMs: Math.round(clock.trueMs),
    frames: frames.list,
    inputs: inputs.list,
    transcript: transcript.lines(),
    end: reading.end,
    inputSha256: reading.inputSha256,
    isTruncated,
    notes: notesOf(reading, bytes.length, {
      isOfAnother: isOfAnother(clock.startUs, span),
      isTooCostly: isTruncated && steps.left <= 0,
      ranBackwards: clock.ranBackwards,
      isShortened: Math.round(clock.playMs) < Math.round(clock.trueMs),
      isTranscriptCut: transcript.isCut,
      inputsLeft: inputs.leftBytes,
    }),
    dropped: filter.dropped,
  }
}

function notesOf(
  { end, at }: TtyReading,
  length: number,
  seen: {
    readonly isOfAnother: boolean
    readonly isTooCostly: boolean
    readonly ranBackwards: boolean
    readonly isShortened: boolean
    readonly isTranscriptCut: boolean
    readonly inputsLeft: number
  },
): readonly string[] {
  const ends: Readonly<Record<TtyEnd, string>> = {
    closed: '',
    open: 'The recording has no end: the honeypot was stopped, or still records.',
    torn: 'The recording breaks off in the middle of a record.',
    damaged: `The recording is damaged from byte ${at} of ${length} on; what comes before it is shown.`,
    'too-long': seen.isTooCostly
      ? `The recording takes more work than is allowed; the first ${at} of ${length} bytes are shown.`
      : `The recording is too long; the first ${at} of ${length} bytes are shown.`,
    empty: 'The file is empty.',
    foreign: 'The file is no recording of a terminal.',
  }
  return [
    seen.isOfAnother
      ? 'It was recorded in another session in which the same was typed: what is shown may differ.'
      : '',
    ends[end],
    seen.ranBackwards ? 'Its clock ran backwards in places; these steps take no time here.' : '',
    seen.isShortened
      ? `Pauses of more than ${LIMITS.replayPauseMsMax / 1_000} seconds are shortened.`
      : '',
    seen.isTranscriptCut ? 'The transcript is cut.' : '',
    seen.inputsLeft > 0 ? `${seen.inputsLeft} bytes of what was typed are not shown.` : '',
  ].filter((note) => note !== '')
}

/** Time as recorded and as played, in milliseconds from the first record; neither runs backwards. */
class Clock {
  startUs: number | undefined
  trueMs = 0
  playMs = 0
  ranBackwards = false
  #lastUs = 0

  advance(atUs: number): void {
    if (this.startUs === undefined) this.startUs = atUs
    else {
      const passedMs = (atUs - this.#lastUs) / 1_000
      if (passedMs < 0) this.ranBackwards = true
      this.trueMs += Math.max(0, passedMs)
      this.playMs += Math.max(0, Math.min(LIMITS.replayPauseMsMax, passedMs))
    }
    this.#lastUs = atUs
  }
}

/** Gathers frames: at most so many a second, and in all; with too many, two become one and the rate is halved. */
class Frames {
  readonly #screen: Screen
  readonly #steps: Steps
  readonly #shown: string[]
  #frames: { frame: ReplayFrame; bytes: number }[] = []
  #bytes = 0
  #intervalMs = LIMITS.replayFrameMsMin
  #lastMs = Number.NEGATIVE_INFINITY
  #pending: { readonly playMs: number; readonly trueMs: number } | undefined

  constructor(screen: Screen, steps: Steps) {
    this.#screen = screen
    this.#steps = steps
    this.#shown = Array.from({ length: screen.height }, () => '[]')
  }

  get list(): readonly ReplayFrame[] {
    return this.#frames.map(({ frame }) => frame)
  }

  /** Before output of this time is drawn: takes a picture of what came before, if it stood long enough. */
  before(playMs: number): void {
    if (this.#pending !== undefined && playMs - this.#lastMs >= this.#intervalMs) this.#take()
  }

  changed(playMs: number, trueMs: number): void {
    if (this.#pending === undefined) this.#lastMs = playMs
    this.#pending = { playMs, trueMs }
  }

  finish(): void {
    this.#take()
  }

  #take(): void {
    if (this.#pending === undefined) return
    const lines: Line[] = []
    let bytes = 60
    this.#screen.rows.forEach((row, i) => {
      if (!row.isDirty) return
      row.isDirty = false
      const runs = runsOf(row)
      this.#steps.left -= row.isBlank ? 4 : (this.#screen.columns >> 1) + 32 * runs.length
      const text = JSON.stringify(runs)
      if (text === this.#shown[i]) return
      this.#shown[i] = text
      lines.push({ row: i, runs })
      bytes += text.length + 20
    })
    const { cursor } = this.#screen
    const frame = {
      atMs: Math.round(this.#pending.playMs),
      trueMs: Math.round(this.#pending.trueMs),
      lines,
      ...(cursor === undefined ? {} : { cursor }),
    }
    this.#pending = undefined
    this.#frames.push({ frame, bytes })
    this.#bytes += bytes
    while (
      this.#frames.length > 1 &&
      (this.#frames.length > LIMITS.replayFramesMax || this.#bytes > LIMITS.replayFrameBytesMax)
    )
      this.#thin()
  }

  #thin(): void {
    this.#intervalMs *= 2
    const kept: { frame: ReplayFrame; bytes: number }[] = []
    for (let i = 0; i < this.#frames.length; i += 2) {
      const first = this.#frames[i]!
      const second = this.#frames[i + 1]
      this.#steps.left -= this.#screen.height
      kept.push(second === undefined ? first : merged(first, second))
    }
    this.#frames = kept
    this.#bytes = kept.reduce((sum, { bytes }) => sum + bytes, 0)
  }
}

type Weighed = { readonly frame: ReplayFrame; readonly bytes: number }

/** Both changes at the time of the second. */
function merged(first: Weighed, second: Weighed): Weighed {
  const lines = new Map(first.frame.lines.map((line) => [line.row, line]))
  for (const line of second.frame.lines) lines.set(line.row, line)
  // What a line took is not kept; its share of the frame is close enough for a bound of megabytes.
  const all = first.frame.lines.length + second.frame.lines.length
  const share = all === 0 ? 1 : lines.size / all
  return {
    frame: { ...second.frame, lines: [...lines.values()] },
    bytes: 60 + Math.ceil((first.bytes + second.bytes) * share),
  }
}

function runsOf(row: Row): readonly Run[] {
  const runs: Run[] = []
  if (row.isBlank) return runs
  let last = row.codes.length - 1
  while (last >= 0 && row.codes[last] === 0 && row.inks[last] === 0) last -= 1
  const text = new TextBuilder()
  let ink: Ink = 0
  const push = (): void => {
    if (text.length > 0) runs.push(runOf(text.take(), ink))
  }
  for (let i = 0; i <= last; i += 1) {
    const code = row.codes[i]!
    if (code === WIDE_TAIL) continue
    const here = row.inks[i]!
    const isBoxed = isBoxedInk(here)
    if (here !== ink || isBoxed) push()
    ink = here
    if (isBoxed) text.addText(nameOf(code))
    else text.add(code === 0 ? 0x20 : code)
    const marks = row.marks?.get(i)
    if (marks !== undefined) text.addText(marks)
    if (isBoxed) push()
  }
  push()
  return runs
}

function isBoxedInk(ink: Ink): boolean {
  return (inkParts(ink).style & STYLE.boxed) !== 0
}

function runOf(text: string, ink: Ink): Run {
  const { colour, background, style } = inkParts(ink)
  return {
    text,
    ...(colour === 0 ? {} : { colour }),
    ...(background === 0 ? {} : { background }),
    ...(style === 0 ? {} : { style }),
  }
}

/** Bytes that are not UTF-8 stand as U+DC80 to U+DCFF, which no UTF-8 gives. */
function byteOf(code: number): number | undefined {
  return code >= 0xdc80 && code <= 0xdcff ? code - 0xdc00 : undefined
}

function nameOf(code: number): string {
  const byte = byteOf(code)
  return byte === undefined
    ? `U+${code.toString(16).toUpperCase().padStart(2, '0')}`
    : byte.toString(16).toUpperCase()
}

/** Lines of the screen that are gone, wrapped rows joined. */
class Transcript {
  readonly #lines: string[] = []
  readonly #text = new TextBuilder()
  #parts: (string | number)[] = []
  #chars = 0
  #openChars = 0
  isCut = false

  take(row: Row): void {
    let last = row.codes.length - 1
    if (!row.isWrapped) while (last >= 0 && row.codes[last] === 0) last -= 1
    for (let i = 0; i <= last; i += 1) {
      const code = row.codes[i]!
      if (code === WIDE_TAIL) continue
      const byte = byteOf(code)
      if (byte === undefined) this.#text.add(code === 0 ? 0x20 : code)
      else {
        this.#endText()
        this.#parts.push(byte)
      }
      // A name in place of a character is longer.
      if (isBoxedInk(row.inks[i]!)) this.#openChars += 8
      const marks = row.marks?.get(i)
      if (marks !== undefined) this.#text.addText(marks)
    }
    // The visible form of a line may be longer: what is not ended yet is counted as it stands.
    this.#openChars += last + 2
    this.isCut = this.#chars + this.#openChars > LIMITS.replayTranscriptCharsMax
    if (!row.isWrapped || this.isCut) this.#endLine()
  }

  lines(): readonly string[] {
    this.#endText()
    if (this.#parts.length > 0) this.#endLine()
    return this.#lines
  }

  #endText(): void {
    if (this.#text.length > 0) this.#parts.push(this.#text.take())
  }

  #endLine(): void {
    this.#endText()
    const line = toVisibleParts(this.#parts)
    this.#lines.push(line)
    this.#chars += line.length + 1
    this.#openChars = 0
    this.#parts = []
  }
}

/** What was sent, cut at line ends. */
class Inputs {
  readonly list: ReplayInput[] = []
  #bytes = 0
  leftBytes = 0

  add(data: Uint8Array, isCommand: boolean, clock: Clock): void {
    const room = Math.max(0, LIMITS.replayInputBytesMax - this.#bytes)
    const isFull = this.list.length >= LIMITS.replayInputsMax
    const length = isFull ? 0 : Math.min(data.length, room, LIMITS.replayInputTextBytesMax)
    this.#bytes += length
    this.leftBytes += data.length - length
    if (length === 0) return
    this.list.push({
      atMs: Math.round(clock.playMs),
      trueMs: Math.round(clock.trueMs),
      kind: isCommand ? 'command' : 'typed',
      text: visibleBytesText(data.subarray(0, length)),
      moreBytes: data.length - length,
    })
  }
}
