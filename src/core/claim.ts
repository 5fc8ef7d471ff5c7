import { blake3 } from './blake3.ts'
import { toHex } from './bytes.ts'

/** Names of what a loader takes for itself while it reads: nobody else reads it then. */
export const CLAIM = {
  source: (id: number): string => `source ${id}`,
  /** The start of a file that is no source yet. @param digest - of its first bytes, hexadecimal */
  head: (digest: string, sensorOverride: string): string =>
    `head ${digest} ${toHex(blake3(Buffer.from(sensorOverride)).subarray(0, 16))}`,
} as const
