import type { SynthStyle } from './options.ts'

/** How one range of Cowrie versions writes its lines. */
export type Dialect = {
  readonly name: 'legacy' | 'classic-2.6' | 'classic-2.9' | 'current'
  readonly comma: ',' | ', '
  readonly colon: ':' | ': '
  /** `eventid` comes first up to 2.x, `session` since 3.0.6. */
  readonly startsWith: 'eventid' | 'session'
  /** Every event names sensor id and protocol, since 2.8.1. */
  readonly hasUuid: boolean
  /** Seconds as a number, seconds as a text on SSH (2.7 to 3.0.3), or whole milliseconds. */
  readonly duration: 'float' | 'text' | 'ms'
  /** Credentials and client versions stand byte by byte, since 3.0.5. */
  readonly escapesBytes: boolean
  /** TLS fingerprints of forwarded connections, since 2.9.0. */
  readonly hasJa4: boolean
  /** Telnet negotiation, since 2.9.8. */
  readonly hasTelnetOptions: boolean
}

const LEGACY: Dialect = {
  name: 'legacy',
  comma: ', ',
  colon: ': ',
  startsWith: 'eventid',
  hasUuid: false,
  duration: 'float',
  escapesBytes: false,
  hasJa4: false,
  hasTelnetOptions: false,
}

const CLASSIC_26: Dialect = { ...LEGACY, name: 'classic-2.6', comma: ',', colon: ':' }

const CLASSIC_29: Dialect = {
  ...CLASSIC_26,
  name: 'classic-2.9',
  hasUuid: true,
  duration: 'text',
  hasJa4: true,
}

const CURRENT: Dialect = {
  ...CLASSIC_29,
  name: 'current',
  startsWith: 'session',
  duration: 'ms',
  escapesBytes: true,
  hasTelnetOptions: true,
}

const CLASSICS = [CLASSIC_29, CLASSIC_26] as const
const ERAS = [LEGACY, CLASSIC_26, CLASSIC_29, CURRENT] as const

/** Which Cowrie a sensor runs on a day; `day` counts from 0 up to `days` - 1. */
export function dialectOf(
  style: SynthStyle,
  at: {
    readonly sensor: number
    readonly sensors: number
    readonly day: number
    readonly days: number
  },
): Dialect {
  switch (style) {
    case 'legacy':
      return LEGACY
    case 'current':
      return CURRENT
    case 'classic':
      return CLASSICS[at.sensor % 2] as Dialect // two of them
    case 'mixed': {
      // Long runs: every sensor is upgraded step by step, not all on one day. Short runs: side by side.
      const era =
        at.days >= ERAS.length
          ? Math.min(3, Math.floor((ERAS.length * at.day) / at.days + at.sensor / at.sensors))
          : (at.day + at.sensor) % ERAS.length
      return ERAS[era] as Dialect // era is from 0 to 3
    }
  }
}
