import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DAY_US, dayText } from './calendar.ts'
import type { Damage } from './damage.ts'
import { LogFile } from './log-file.ts'
import type { SynthOptions } from './options.ts'
import type { Random } from './random.ts'
import type { Sensor } from './session.ts'
import type { Truth } from './truth.ts'

const COPY_DISTANCE = 400 // a copy comes at most so many events after its original

/** The file of one sensor and day while it is written. */
export type DayFile = {
  readonly name: string
  readonly sensor: string
  readonly day: string
  readonly log: LogFile
  events: number
  lastLine: string
  /** Lines to be written once more, by the number of events after which they are. */
  readonly copies: Map<number, string[]>
}

/**
 * The log files of a set: `<sensor>/cowrie.json.YYYY-MM-DD[.gz]`, one open file a sensor.
 *
 * Adds the lines that are no events, and tells the truth of all that is not an event. A file is made
 * with its first line. Events must come in the order of time.
 */
export class LogFolder {
  readonly #out: string
  readonly #options: SynthOptions
  readonly #random: Random
  readonly #damage: Damage
  readonly #truth: Truth
  /** By the number of the sensor. */
  readonly #open = new Map<number, DayFile>()
  #day = -1

  constructor(
    out: string,
    options: SynthOptions,
    extras: { readonly random: Random; readonly damage: Damage },
    truth: Truth,
  ) {
    this.#out = out
    this.#options = options
    this.#random = extras.random
    this.#damage = extras.damage
    this.#truth = truth
  }

  /** The open file for an event, or undefined when `open` must be awaited. */
  opened(sensor: Sensor, atUs: number): DayFile | undefined {
    return Math.floor(atUs / DAY_US) === this.#day ? this.#open.get(sensor.index) : undefined
  }

  /** Opens the file for an event; the files of the day before are finished. */
  async open(sensor: Sensor, atUs: number): Promise<DayFile> {
    const day = Math.floor(atUs / DAY_US)
    if (day !== this.#day) {
      await this.close()
      this.#day = day
    }
    await mkdir(join(this.#out, sensor.name), { recursive: true })
    const { gzip, gzipLevel } = this.#options
    const name = `${sensor.name}/cowrie.json.${dayText(day)}${gzip ? '.gz' : ''}`
    const file: DayFile = {
      name,
      sensor: sensor.name,
      day: dayText(day),
      log: await LogFile.create(join(this.#out, name), gzip ? gzipLevel : undefined),
      events: 0,
      lastLine: '',
      copies: new Map(),
    }
    this.#open.set(sensor.index, file)
    return file
  }

  /** Writes an event and what the options put after it. */
  write(file: DayFile, line: string): void {
    const { badUtf8, duplicates, malformed, invalid, blank, torn } = this.#options
    const random = this.#random
    const spoilt = random.chance(badUtf8) ? this.#damage.badUtf8(line) : undefined
    if (spoilt !== undefined) this.#truth.badUtf8()
    const written = spoilt ?? line
    file.log.append(written)
    file.events += 1
    if (torn) file.lastLine = line
    if (file.copies.size > 0) this.#copy(file, file.events)
    if (random.chance(duplicates)) {
      const due = file.events + random.between(1, COPY_DISTANCE)
      const lines = file.copies.get(due)
      if (lines === undefined) file.copies.set(due, [written])
      else lines.push(written)
    }
    if (random.chance(malformed)) this.#append(file, 'malformed', this.#damage.malformed(line))
    if (random.chance(invalid)) this.#append(file, 'invalid', this.#damage.invalid(line))
    if (random.chance(blank)) {
      file.log.append(this.#damage.blank())
      this.#truth.blank()
    }
  }

  /** Finishes all open files; may be called again. */
  async close(): Promise<void> {
    const files = [...this.#open.values()]
    this.#open.clear()
    for (const file of files) {
      for (const due of [...file.copies.keys()]) this.#copy(file, due)
      if (this.#options.torn) {
        file.log.appendTorn(this.#damage.torn(file.lastLine))
        this.#truth.spoilt('malformed', 'torn-last')
      }
      await file.log.close()
      const { name, sensor, day, events } = file
      const { bytes, lines } = file.log
      this.#truth.file({ name, sensor, day, bytes, lines, events })
    }
  }

  #copy(file: DayFile, due: number): void {
    for (const line of file.copies.get(due) ?? []) {
      file.log.append(line)
      this.#truth.duplicate()
    }
    file.copies.delete(due)
  }

  #append(
    file: DayFile,
    outcome: 'malformed' | 'invalid',
    extra: { readonly kind: string; readonly line: string },
  ): void {
    file.log.append(extra.line)
    this.#truth.spoilt(outcome, extra.kind)
  }
}
