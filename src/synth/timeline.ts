import type { AddressPool } from './addresses.ts'
import { DAY_US, parseDay } from './calendar.ts'
import { dialectOf } from './dialect.ts'
import type { SynthOptions } from './options.ts'
import type { SessionPlanner } from './plan.ts'
import { Random, TokenSource, WeightedIndex, zipfWeights } from './random.ts'
import type { Sensor, Session } from './session.ts'

const HOUR_US = DAY_US / 24
const BLOCK = 64
const LAST_START_US = 60_000_000 // no session begins in the last minute, so that all can end in time
const LATE_US = 600_000_000 // a session that begins so shortly before midnight ...
const LATE_SHARE = 0.3 // ... is drawn out over it with this probability
const AFTER_MIDNIGHT_US = 300_000_000
const SHARED_ID_SHARE = 1 / 300

/**
 * Lays sessions out in time, in order of their beginning.
 *
 * The events wanted are spread over days and hours of different traffic; sessions are planned in
 * blocks until exactly that many events are planned, the last session being cut off to fit.
 * Only one block is held, so memory does not depend on the number of events.
 */
export class Timeline {
  readonly firstDay: number
  readonly sensors: readonly Sensor[]
  readonly #options: SynthOptions
  readonly #planner: SessionPlanner
  readonly #addresses: AddressPool
  readonly #random: Random
  readonly #ids: TokenSource
  readonly #sensorRanks: WeightedIndex
  /** Share of the events before each hour; one more entry than hours. */
  readonly #shareBefore: Float64Array
  #hour = 0
  #planned = 0
  #serial = 0
  #lastId: { readonly id: string; readonly sensor: number } | undefined

  constructor(options: SynthOptions, planner: SessionPlanner, addresses: AddressPool) {
    this.#options = options
    this.#planner = planner
    this.#addresses = addresses
    this.#random = new Random(options.seed, 'timeline')
    this.#ids = new TokenSource(new Random(options.seed, 'session ids'))
    this.firstDay = parseDay(options.start) as number // checked with the options
    this.sensors = Array.from({ length: options.sensors }, (_, index) => sensor(index))
    this.#sensorRanks = new WeightedIndex(zipfWeights(options.sensors, 0.6, 1))
    this.#shareBefore = traffic(this.#random, options.days * 24)
  }

  /** No session of a later block begins before this instant. */
  get frontierUs(): number {
    return this.#instant(this.#planned)
  }

  get isDone(): boolean {
    return this.#planned >= this.#options.events
  }

  /** The next sessions, in any order; empty when all events are planned. */
  nextBlock(): Session[] {
    const before = this.#planned
    const day = Math.floor(this.frontierUs / DAY_US) - this.firstDay
    const sessions: Session[] = []
    while (sessions.length < BLOCK && !this.isDone) {
      const session = this.#draft(day)
      this.#planned += session.events.length
      sessions.push(session)
    }
    // Beginnings are drawn over the span of the whole block, or big sessions would stand apart.
    const span = this.#planned - before
    const places = Float64Array.from(sessions, () => before + this.#random.float() * span).sort()
    sessions.forEach((session, i) => {
      this.#place(session, this.#instant(places[i] as number)) // as many places as sessions
    })
    return sessions
  }

  #draft(day: number): Session {
    const { style, sensors, days, events } = this.#options
    const random = this.#random
    const sensor = this.sensors[this.#sensorRanks.pick(random)] as Sensor // as many ranks as sensors
    const dialect = dialectOf(style, { sensor: sensor.index, sensors, day, days })
    const plan = this.#planner.plan(dialect)
    this.#serial += 1
    return {
      serial: this.#serial,
      id: this.#id(sensor),
      sensor,
      dialect,
      address: this.#addresses.pick(random),
      sourcePort: random.between(1_024, 65_535),
      protocol: plan.protocol,
      client: plan.client,
      events: plan.events.slice(0, events - this.#planned),
      frame: undefined,
      startUs: 0,
      next: 0,
      countedDay: -1,
      counts: {
        events: 0,
        commandInput: 0,
        commandFailed: 0,
        loginSuccess: 0,
        loginFailed: 0,
        downloads: 0,
        uploads: 0,
        durationMs: undefined,
      },
    }
  }

  /** Unique within a sensor; now and then the id of another sensor's session, as chance may have it. */
  #id(sensor: Sensor): string {
    const last = this.#lastId
    if (
      last !== undefined &&
      last.sensor !== sensor.index &&
      this.#random.chance(SHARED_ID_SHARE)
    ) {
      this.#lastId = undefined
      return last.id
    }
    const id = this.#ids.token(this.#serial)
    this.#lastId = { id, sensor: sensor.index }
    return id
  }

  /** Turns the offsets of a session's events into instants, strictly one after another. */
  #place(session: Session, startUs: number): void {
    const endUs = (this.firstDay + this.#options.days) * DAY_US - 1
    const midnightUs = (Math.floor(startUs / DAY_US) + 1) * DAY_US
    const lastUs = session.events.at(-1)?.atUs ?? 0
    let delayFrom = session.events.length
    let delayUs = 0
    const mayCross = midnightUs - startUs < LATE_US && midnightUs < endUs
    if (mayCross && session.events.length > 1 && this.#random.chance(LATE_SHARE)) {
      delayFrom = this.#random.between(1, session.events.length - 1)
      delayUs = midnightUs - startUs + this.#random.int(AFTER_MIDNIGHT_US)
    }
    const scale = Math.min(1, (endUs - startUs - session.events.length) / Math.max(1, lastUs))
    let previousUs = startUs - 1
    session.startUs = startUs
    session.events.forEach((event, i) => {
      const offset = Math.floor(event.atUs * scale) + (i >= delayFrom ? delayUs : 0)
      event.atUs = Math.max(previousUs + 1, startUs + offset)
      previousUs = event.atUs
    })
  }

  /** The instant at which the given number of events lies behind; asked in rising order only. */
  #instant(events: number): number {
    const share = events / this.#options.events
    const hours = this.#shareBefore.length - 1
    while (this.#hour < hours - 1 && share >= (this.#shareBefore[this.#hour + 1] as number)) {
      this.#hour += 1
    }
    const before = this.#shareBefore[this.#hour] as number
    const width = (this.#shareBefore[this.#hour + 1] as number) - before
    const within = Math.min(1, Math.max(0, (share - before) / width))
    const us = (this.#hour + within) * HOUR_US
    const stretch = 1 - LAST_START_US / (hours * HOUR_US)
    return this.firstDay * DAY_US + Math.floor(us * stretch)
  }
}

/** Cumulated shares of the traffic by hour: days differ by a factor of up to three, nights are a little quieter. */
function traffic(random: Random, hours: number): Float64Array {
  const shareBefore = new Float64Array(hours + 1)
  let day = 1
  for (let hour = 0; hour < hours; hour += 1) {
    if (hour % 24 === 0) day = 0.6 + random.float() * 1.2
    const daylight = 1 + 0.25 * (Math.abs(((hour + 4) % 24) - 12) / 6 - 1)
    shareBefore[hour + 1] =
      (shareBefore[hour] as number) + day * daylight * (0.8 + random.float() * 0.4)
  }
  const total = shareBefore[hours] as number
  return shareBefore.map((share) => share / total)
}

function sensor(index: number): Sensor {
  const number = index + 1
  return {
    index,
    name: `sensor-${String(number).padStart(2, '0')}`,
    uuid: `5c0a71e5-${number.toString(16).padStart(4, '0')}-11f1-9f44-b1e92a32132c`,
    address: `192.0.2.${9 + number}`,
    addressV6: `2001:db8:2::${(9 + number).toString(16)}`,
  }
}
