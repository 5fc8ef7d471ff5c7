/** Sets of small numbers as text, `0-5,7`: how the journal names records. */

/** @param numbers - ascending, each once */
export function rangesText(numbers: readonly number[]): string {
  const parts: string[] = []
  for (let i = 0; i < numbers.length; ) {
    let end = i
    while (end + 1 < numbers.length && numbers[end + 1] === numbers[end]! + 1) end += 1
    parts.push(end === i ? String(numbers[i]) : `${numbers[i]}-${numbers[end]}`)
    i = end + 1
  }
  return parts.join(',')
}

/** The numbers that a text names, as `rangesText` writes it; undefined for any other text, or more than `max` numbers. */
export function readRanges(text: string, max: number): number[] | undefined {
  const numbers: number[] = []
  for (const part of text.split(',')) {
    const found = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(part)
    if (found === null) return undefined
    const from = Number(found[1])
    const to = found[2] === undefined ? from : Number(found[2])
    if (to < from || numbers.length + to - from >= max) return undefined
    for (let n = from; n <= to; n += 1) numbers.push(n)
  }
  return numbers
}
