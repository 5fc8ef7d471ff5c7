/** A log in real files that is written and rotated, and the count of what must be stored of it. */
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { gzipSync } from 'node:zlib'
import { Random } from '../../src/synth/random.ts'

const FIRST_EVENT_MS = Date.UTC(2026, 4, 10)

/**
 * One sensor's log. Each event is unique; all of them stay somewhere on the disk, but for those that a copying rotation
 * cuts off: whoever reads them in between may have them.
 */
export class RealLog {
  readonly path: string
  readonly sensor: string
  readonly #random: Random
  /** Events written. */
  events = 0
  rotations = 0
  #mayBeLost = 0
  #torn = ''

  constructor(path: string, sensor: string, seed: number) {
    this.path = path
    this.sensor = sensor
    this.#random = new Random(seed, `real log ${sensor}`)
  }

  /** Events that must be stored. */
  get due(): number {
    return this.events - this.#mayBeLost
  }

  /** Writes something; now and then the log is rotated. */
  act(): void {
    if (!this.#random.chance(0.06)) {
      this.write(this.#random.between(1, 12))
      return
    }
    this.#endLine()
    if (!existsSync(this.path)) return
    this.rotations += 1
    this.#random.pick([
      () => this.rename(),
      () => this.renameAndCompress(),
      () => this.copyAndTruncate(0),
      () => this.copyAndTruncate(this.#random.int(5)),
    ])()
  }

  /** Logs so many events, the last one at times in two pieces. */
  write(count: number): void {
    this.#endLine()
    let text = ''
    for (let i = 0; i < count; i += 1) text += this.#line()
    if (this.#random.chance(0.3)) {
      const line = this.#line()
      const cut = this.#random.between(1, line.length - 2)
      text += line.slice(0, cut)
      this.#torn = line.slice(cut)
    }
    appendFileSync(this.path, text)
  }

  rename(): string {
    const to = `${this.path}.${this.rotations}`
    renameSync(this.path, to)
    return to
  }

  renameAndCompress(): void {
    const plain = this.rename()
    // As gzip does it: the archive grows beside the plain file.
    const packed = gzipSync(readFileSync(plain))
    writeFileSync(`${plain}.gz`, packed.subarray(0, packed.length >> 1))
    appendFileSync(`${plain}.gz`, packed.subarray(packed.length >> 1))
    rmSync(plain)
  }

  /** @param between - events written between the copy and the cut: they may be lost */
  copyAndTruncate(between: number): void {
    copyFileSync(this.path, `${this.path}.${this.rotations}`)
    if (between > 0) {
      let text = ''
      for (let i = 0; i < between; i += 1) text += this.#line()
      appendFileSync(this.path, text)
      this.#mayBeLost += between
    }
    truncateSync(this.path, 0)
  }

  /** No line is left torn. */
  end(): void {
    this.#endLine()
  }

  #endLine(): void {
    if (this.#torn === '') return
    appendFileSync(this.path, this.#torn)
    this.#torn = ''
  }

  #line(): string {
    this.events += 1
    const at = new Date(FIRST_EVENT_MS + this.events * 7).toISOString()
    return `${JSON.stringify({
      eventid: 'cowrie.command.input',
      input: `echo ${this.events}`,
      sensor: this.sensor,
      timestamp: at,
      src_ip: `192.0.2.${(this.events % 250) + 1}`,
      session: (0xb00000000000 + this.events).toString(16),
    })}\n`
  }
}
