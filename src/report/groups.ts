/** Sessions that share something, gathered one by one. */
import type { SafeText } from '../core/text.ts'
import type { ActiveSession } from '../store/port.ts'

/** How many different numbers there were; 0 stands for none. Of most groups there is one. */
export class Distinct {
  #first: number
  #all: Set<number> | undefined

  constructor(first: number) {
    this.#first = first
  }

  get size(): number {
    return this.#all?.size ?? (this.#first === 0 ? 0 : 1)
  }

  add(number: number): void {
    if (number === 0 || number === this.#first) return
    if (this.#all !== undefined) this.#all.add(number)
    else if (this.#first === 0) this.#first = number
    else this.#all = new Set([this.#first, number])
  }
}

export type Group = {
  sessions: number
  firstUs: number
  lastUs: number
  threatScore: number
  hazardScore: number
  /** Values; none for a session without an address. */
  readonly addresses: Distinct
  readonly sensors: Distinct
  /** Sensor of the earliest session; of equally early ones the first by name. */
  firstSensor: SafeText
  /** The earliest sessions of that sensor: nearly always one. */
  firstKeys: string[]
}

/** Groups by number. Most sessions stand alone, and of these nothing more is kept than themselves. */
export class Groups {
  readonly #lone = new Map<number, ActiveSession>()
  readonly #several = new Map<number, Group>()
  readonly #nameOf: (sensorId: number) => SafeText

  /** @param nameOf - names of sensors */
  constructor(nameOf: (sensorId: number) => SafeText) {
    this.#nameOf = nameOf
  }

  add(number: number, session: ActiveSession): void {
    const lone = this.#lone.get(number)
    if (lone === undefined) {
      this.#lone.set(number, session)
      return
    }
    let group = this.#several.get(number)
    if (group === undefined) {
      group = this.#groupOf(lone)
      this.#several.set(number, group)
    }
    join(group, session, this.#nameOf(session.sensorId))
  }

  get(number: number): Group | undefined {
    const lone = this.#lone.get(number)
    return this.#several.get(number) ?? (lone && this.#groupOf(lone))
  }

  /** Groups of two sessions and more. */
  several(): Iterable<readonly [number, Group]> {
    return this.#several
  }

  #groupOf(session: ActiveSession): Group {
    return {
      sessions: 1,
      firstUs: session.firstEventUs,
      lastUs: session.firstEventUs,
      threatScore: session.threatScore,
      hazardScore: session.hazardScore,
      addresses: new Distinct(session.srcIp),
      sensors: new Distinct(session.sensorId),
      firstSensor: this.#nameOf(session.sensorId),
      firstKeys: [session.key],
    }
  }
}

function join(group: Group, session: ActiveSession, sensor: SafeText): void {
  const us = session.firstEventUs
  group.sessions += 1
  group.threatScore = Math.max(group.threatScore, session.threatScore)
  group.hazardScore = Math.max(group.hazardScore, session.hazardScore)
  group.addresses.add(session.srcIp)
  group.sensors.add(session.sensorId)
  group.lastUs = Math.max(group.lastUs, us)
  if (us < group.firstUs || (us === group.firstUs && sensor < group.firstSensor)) {
    group.firstUs = us
    group.firstSensor = sensor
    group.firstKeys = [session.key]
  } else if (us === group.firstUs && sensor === group.firstSensor) group.firstKeys.push(session.key)
}
