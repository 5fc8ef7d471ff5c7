/** What ink looks like: one number for a cell, so that a row is an array of numbers. */

/** Bits of a run's `style`. */
export const STYLE = {
  bold: 1,
  dim: 2,
  italic: 4,
  underline: 8,
  inverse: 16,
  struck: 32,
  /** A character that is not shown as itself: the text is its name. */
  boxed: 64,
} as const

const BACKGROUND_SHIFT = 5
const STYLE_SHIFT = 10
const COLOUR_MASK = 31

/** A cell's ink: colours 0 (none) to 16, and the bits of `STYLE`. */
export type Ink = number

export const PLAIN: Ink = 0
export const BOXED: Ink = STYLE.boxed << STYLE_SHIFT

export function inkParts(ink: Ink): {
  readonly colour: number
  readonly background: number
  readonly style: number
} {
  return {
    colour: ink & COLOUR_MASK,
    background: (ink >> BACKGROUND_SHIFT) & COLOUR_MASK,
    style: ink >> STYLE_SHIFT,
  }
}

/** What an erased cell keeps: its background. */
export function erasedWith(ink: Ink): Ink {
  return ink & (COLOUR_MASK << BACKGROUND_SHIFT)
}

const SETS: Readonly<Record<number, number>> = {
  1: STYLE.bold,
  2: STYLE.dim,
  3: STYLE.italic,
  4: STYLE.underline,
  7: STYLE.inverse,
  9: STYLE.struck,
  21: STYLE.underline,
}

const CLEARS: Readonly<Record<number, number>> = {
  22: STYLE.bold | STYLE.dim,
  23: STYLE.italic,
  24: STYLE.underline,
  27: STYLE.inverse,
  29: STYLE.struck,
}

/** @param codes - SGR codes as the filter leaves them */
export function restyled(ink: Ink, codes: readonly number[]): Ink {
  let { colour, background, style } = inkParts(ink)
  for (let i = 0; i < codes.length; i += 1) {
    const code = codes[i]!
    if (code === 0) {
      colour = 0
      background = 0
      style = 0
    } else if (code === 38 || code === 48) {
      const isIndex = codes[i + 1] === 5
      const nearest = isIndex
        ? paletteIndex(codes[i + 2]!)
        : nearestColour(codes[i + 2]!, codes[i + 3]!, codes[i + 4]!)
      i += isIndex ? 2 : 4
      if (code === 38) colour = nearest
      else background = nearest
    } else if (code === 39) colour = 0
    else if (code === 49) background = 0
    else if (code >= 100) background = code - 100 + 9
    else if (code >= 90) colour = code - 90 + 9
    else if (code >= 40) background = code - 40 + 1
    else if (code >= 30) colour = code - 30 + 1
    else style = (style & ~(CLEARS[code] ?? 0)) | (SETS[code] ?? 0)
  }
  return (style << STYLE_SHIFT) | (background << BACKGROUND_SHIFT) | colour
}

// The sixteen colours of xterm.
const PALETTE: readonly (readonly [number, number, number])[] = [
  [0, 0, 0],
  [205, 0, 0],
  [0, 205, 0],
  [205, 205, 0],
  [0, 0, 238],
  [205, 0, 205],
  [0, 205, 205],
  [229, 229, 229],
  [127, 127, 127],
  [255, 0, 0],
  [0, 255, 0],
  [255, 255, 0],
  [92, 92, 255],
  [255, 0, 255],
  [0, 255, 255],
  [255, 255, 255],
]

const CUBE = [0, 95, 135, 175, 215, 255]

/** One of 256 colours as one of the sixteen, from 1. */
function paletteIndex(index: number): number {
  if (index < 16) return index + 1
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10
    return nearestColour(grey, grey, grey)
  }
  const at = index - 16
  return nearestColour(CUBE[Math.floor(at / 36)]!, CUBE[Math.floor(at / 6) % 6]!, CUBE[at % 6]!)
}

function nearestColour(red: number, green: number, blue: number): number {
  let best = 0
  let least = Number.POSITIVE_INFINITY
  PALETTE.forEach(([r, g, b], i) => {
    const distance = (r - red) ** 2 + (g - green) ** 2 + (b - blue) ** 2
    if (distance < least) {
      least = distance
      best = i
    }
  })
  return best + 1
}
