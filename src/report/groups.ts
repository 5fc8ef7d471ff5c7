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
  /** Values; none for a session without an address. */
  readonly addresses: Distinct
  readonly sensors: Distinct
  /** Sensor of the earliest session; of equally early ones the first by name. */
  firstSensor: SafeText
  /** The earliest sessions of that sensor: nearly always one. */
  firstKeys: string[]
}

export class Groups<Name extends string | number> {
  readonly all = new Map<Name, Group>()

  add(name: Name, session: ActiveSession, sensor: SafeText): void {
    const group = this.all.get(name)
    const { firstEventUs: us, key } = session
    if (group === undefined) {
      this.all.set(name, {
        ...{ sessions: 1, firstUs: us, lastUs: us, threatScore: session.threatScore },
        addresses: new Distinct(session.srcIp),
        sensors: new Distinct(session.sensorId),
        ...{ firstSensor: sensor, firstKeys: [key] },
      })
      return
    }
    group.sessions += 1
    group.threatScore = Math.max(group.threatScore, session.threatScore)
    group.addresses.add(session.srcIp)
    group.sensors.add(session.sensorId)
    group.lastUs = Math.max(group.lastUs, us)
    const isEarlier = us < group.firstUs || (us === group.firstUs && sensor < group.firstSensor)
    if (isEarlier) {
      group.firstUs = us
      group.firstSensor = sensor
      group.firstKeys = [key]
    } else if (us === group.firstUs && sensor === group.firstSensor) group.firstKeys.push(key)
  }
}
