/** Counts by value, added up out of packed rows: to group them in the engine takes twice as long. */
import { sql } from 'kysely'
import { PackedReader } from './packed.ts'

/** A row of daily values as text: value, events, sessions. Most occur once: what is 1 at the end is left out. */
export const VALUE_ROW = sql<string>`cast(value_id as text) || case
  when sessions <> 1 then ',' || count || ',' || sessions when count <> 1 then ',' || count else '' end`

/** In columns: one place in each for a value, in no order. */
export class ValueCounts {
  readonly ids: Float64Array
  readonly events: Float64Array
  readonly sessions: Float64Array
  /** Open addressing: place of a value plus one, 0 where nothing stands. At least half of it is free. */
  readonly #slots: Int32Array

  /** @param list - rows as `VALUE_ROW` makes them, with semicolons; a value as often as it likes */
  constructor(list: string) {
    let columns = columnsOf(FIRST_ROOM)
    let slots: Int32Array = new Int32Array(FIRST_ROOM * 2)
    let count = 0
    const reader = new PackedReader(list)
    while (!reader.isAtEnd) {
      const id = reader.number()
      const events = reader.isRowOver ? 1 : reader.number()
      const sessions = reader.isRowOver ? 1 : reader.number()
      let slot = slotOf(slots, columns.ids, id)
      if (slots[slot] === 0) {
        if (count === columns.ids.length) {
          columns = enlarged(columns)
          slots = filled(columns.ids, count)
          slot = slotOf(slots, columns.ids, id)
        }
        columns.ids[count] = id
        count += 1
        slots[slot] = count
      }
      const place = slots[slot]! - 1
      columns.events[place]! += events
      columns.sessions[place]! += sessions
    }
    this.ids = columns.ids.subarray(0, count)
    this.events = columns.events.subarray(0, count)
    this.sessions = columns.sessions.subarray(0, count)
    this.#slots = slots
  }

  /** Place of a value in the columns; undefined where it is none of them. */
  placeOf(id: number): number | undefined {
    const found = this.#slots[slotOf(this.#slots, this.ids, id)]!
    return found === 0 ? undefined : found - 1
  }
}

type Columns = Pick<ValueCounts, 'ids' | 'events' | 'sessions'>

const FIRST_ROOM = 1_024

function columnsOf(room: number): Columns {
  return {
    ids: new Float64Array(room),
    events: new Float64Array(room),
    sessions: new Float64Array(room),
  }
}

function enlarged(columns: Columns): Columns {
  const larger = columnsOf(columns.ids.length * 2)
  larger.ids.set(columns.ids)
  larger.events.set(columns.events)
  larger.sessions.set(columns.sessions)
  return larger
}

function filled(ids: Float64Array, count: number): Int32Array {
  const slots = new Int32Array(ids.length * 2)
  for (let place = 0; place < count; place += 1) slots[slotOf(slots, ids, ids[place]!)] = place + 1
  return slots
}

/** Where a value stands, or would. Numbers of values are given in a row, so they spread by themselves. */
function slotOf(slots: Int32Array, ids: Float64Array, id: number): number {
  const mask = slots.length - 1
  let slot = Math.imul(id, 0x9e3779b1) & mask
  while (slots[slot] !== 0 && ids[slots[slot]! - 1] !== id) slot = (slot + 1) & mask
  return slot
}
