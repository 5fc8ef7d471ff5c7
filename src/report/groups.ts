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

/** One that stands alone so far: most do, and none of them needs more than itself. */
type Lone = { readonly session: ActiveSession; readonly sensor: SafeText }

export class Groups<Name extends string | number> {
  readonly #all = new Map<Name, Group | Lone>()

  add(name: Name, session: ActiveSession, sensor: SafeText): void {
    const known = this.#all.get(name)
    if (known === undefined) this.#all.set(name, { session, sensor })
    else if ('session' in known) {
      const group = groupOf(known)
      join(group, session, sensor)
      this.#all.set(name, group)
    } else join(known, session, sensor)
  }

  get(name: Name): Group | undefined {
    const known = this.#all.get(name)
    return known !== undefined && 'session' in known ? groupOf(known) : known
  }

  /** Groups of two sessions and more. */
  *several(): Generator<readonly [Name, Group]> {
    for (const [name, known] of this.#all) if (!('session' in known)) yield [name, known]
  }
}

function groupOf({ session, sensor }: Lone): Group {
  return {
    sessions: 1,
    firstUs: session.firstEventUs,
    lastUs: session.firstEventUs,
    threatScore: session.threatScore,
    hazardScore: session.hazardScore,
    addresses: new Distinct(session.srcIp),
    sensors: new Distinct(session.sensorId),
    firstSensor: sensor,
    firstKeys: [session.key],
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
