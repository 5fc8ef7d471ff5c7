import { StoreError } from '../core/errors.ts'
import type { AlertChanges, AlertMemory, AlertRecord, AlertStore } from '../store/port.ts'

/**
 * The memory of alerts in this process alone, for the time in which the store is away.
 *
 * It knows what the store knew last, so that nothing is told again; what it learns itself stays here until it is over.
 */
export class LocalMemory implements AlertStore {
  #memory: AlertMemory = { alerts: [], marks: [], channels: [] }
  /** What the store knows of the same alerts. */
  #stored: ReadonlySet<string> = new Set()

  /** Whether an alert is open here that the store does not know. */
  get hasOwn(): boolean {
    return this.#own().length > 0
  }

  /** Takes over what the store knows now. */
  adopt(memory: AlertMemory): void {
    const own = this.#own()
    this.#stored = new Set(memory.alerts.map(identityOf))
    const last = memory.alerts.reduce((most, one) => Math.max(most, one.id), 0)
    const stays = own.filter((one) => !this.#stored.has(identityOf(one)))
    // Numbers that were given here may be those of other alerts there.
    const alerts = [...memory.alerts, ...stays.map((one, i) => ({ ...one, id: last + 1 + i }))]
    this.#memory = { ...memory, alerts }
  }

  #own(): AlertRecord[] {
    return this.#memory.alerts.filter(
      (one) => one.state !== 'resolved' && !this.#stored.has(identityOf(one)),
    )
  }

  async beginLook(): Promise<boolean> {
    return true
  }

  async endLook(): Promise<void> {}

  async memory(): Promise<AlertMemory> {
    return this.#memory
  }

  async save(changes: AlertChanges): Promise<void> {
    const { alerts, marks, channels } = this.#memory
    const records = changes.alerts.map(({ record }) => record)
    this.#memory = {
      alerts: replaced(alerts, records, (one) => String(one.id)),
      marks: replaced(marks, changes.marks, (one) => one.name),
      channels: replaced(channels, changes.channels, (one) => one.channel),
    }
  }

  async acknowledge(): Promise<void> {
    throw new StoreError('STORE_UNREACHABLE', 'The store is away.', {
      hint: 'Decide when it is back.',
    })
  }
}

function replaced<T>(
  before: readonly T[],
  changes: readonly T[],
  nameOf: (one: T) => string,
): readonly T[] {
  const rows = new Map(before.map((one) => [nameOf(one), one]))
  for (const one of changes) rows.set(nameOf(one), one)
  return [...rows.values()]
}

function identityOf(one: AlertRecord): string {
  return `${one.kind} ${one.subject}`
}
