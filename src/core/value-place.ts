/** A value id and a day in one number: ids stay below 2^31, days of the years 1 to 9999 fit into 22 bits. */
const DAY_SPAN = 4_194_304
const DAY_SHIFT = 1_000_000

export function placeOf(valueId: number, day: number): number {
  return valueId * DAY_SPAN + day + DAY_SHIFT
}

export function valueIdOf(place: number): number {
  return Math.floor(place / DAY_SPAN)
}

export function dayOfPlace(place: number): number {
  return (place % DAY_SPAN) - DAY_SHIFT
}
