/**
 * A recording as asciicast version 2 (https://docs.asciinema.org/manual/asciicast/v2/), for the players of others.
 *
 * Only what the filter lets through is written, spelled anew: such a file can ask a terminal for nothing but letters,
 * colours and moves of the cursor within bounds.
 */
import { LIMITS } from '../limits.ts'
import { toVisible, toVisibleParts, visibleBytesText } from '../neutralize/visible.ts'
import {
  type DrawingEscape,
  type DrawingFinal,
  type DrawingMode,
  Filter,
  type Sink,
} from './filter.ts'
import { DEFAULT_SIZE, type ReplaySize } from './replay.ts'
import { TextBuilder } from './text-builder.ts'
import { readTtyLog } from './ttylog.ts'

/** Seconds of a pause that players are asked to keep to; the true times stand in the file. */
const IDLE_SECONDS = LIMITS.replayPauseMsMax / 1_000

const ESCAPE = String.fromCharCode(0x1b)

/** @returns a header, then events: values of JSON, one a line */
export function makeAsciicast(
  bytes: Uint8Array,
  size: ReplaySize = DEFAULT_SIZE,
  isWhole = bytes.length < LIMITS.replayFileBytesMax,
): readonly object[] {
  const spelling = new Spelling(size)
  const steps = { left: LIMITS.replayStepsMax }
  const filter = new Filter(spelling, steps, size.columns)
  const events: [number, 'o' | 'i', string][] = []
  let startUs: number | undefined
  let lastUs = 0
  let seconds = 0
  let chars = 0
  const add = (kind: 'o' | 'i', text: string): void => {
    if (text === '') return
    chars += text.length
    const at = Math.round(seconds * 1e6) / 1e6
    events.push([at, kind, text])
  }
  const reading = readTtyLog(bytes.subarray(0, LIMITS.replayFileBytesMax), isWhole, (record) => {
    startUs ??= record.atUs
    seconds += Math.max(0, record.atUs - (lastUs || record.atUs)) / 1e6
    lastUs = record.atUs
    let taken = record.data.length
    if (record.direction === 'output') {
      taken = filter.write(record.data)
      add('o', spelling.take())
    } else add('i', visibleBytesText(record.data.subarray(0, LIMITS.replayInputTextBytesMax)))
    return chars < LIMITS.replayCastCharsMax ? taken : 0
  })
  filter.end()
  add('o', spelling.take())
  if (reading.end === 'too-long') add('o', '\r\n[the recording goes on]\r\n')
  return [
    {
      version: 2,
      width: size.columns,
      height: size.rows,
      timestamp: Math.floor((startUs ?? 0) / 1e6),
      idle_time_limit: IDLE_SECONDS,
    },
    ...events,
  ]
}

const MODES: Readonly<Record<DrawingMode, string>> = {
  insert: '4',
  origin: '?6',
  wrap: '?7',
  cursor: '?25',
  alternate: '?1049',
}

/** Writes what it receives as the sequences of a terminal. */
class Spelling implements Sink {
  readonly #most: number
  readonly #text = new TextBuilder()

  constructor(size: ReplaySize) {
    this.#most = Math.max(size.columns, size.rows)
  }

  take(): string {
    return this.#text.take()
  }

  print(codePoint: number): void {
    this.#text.add(codePoint)
  }

  box(codePoint: number): void {
    this.#text.addText(
      codePoint >= 0xdc80 && codePoint <= 0xdcff
        ? toVisibleParts([codePoint - 0xdc00])
        : toVisible(String.fromCodePoint(codePoint)),
    )
  }

  control(code: 8 | 9 | 10 | 13): void {
    // Cowrie records before the terminal driver returns the carriage.
    if (code === 10) this.#text.add(13)
    this.#text.add(code)
  }

  draw(final: DrawingFinal, first: number, second: number): void {
    const counts = [first, second].map((one) => Math.min(this.#most, one))
    const hasTwo = final === 'H' || final === 'r'
    this.#sequence(`${hasTwo ? `${counts[0]};${counts[1]}` : counts[0]}`, final)
  }

  escape(final: DrawingEscape): void {
    this.#text.addText(ESCAPE + final)
  }

  mode(mode: DrawingMode, isOn: boolean): void {
    this.#sequence(MODES[mode], isOn ? 'h' : 'l')
  }

  style(codes: readonly number[]): void {
    if (codes.length > 0) this.#sequence(codes.join(';'), 'm')
  }

  #sequence(parameters: string, final: string): void {
    this.#text.addText(`${ESCAPE}[${parameters}${final}`)
  }
}
