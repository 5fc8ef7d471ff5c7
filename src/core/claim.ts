/** Names of what a loader takes for itself while it reads: nobody else reads it then. */
export const CLAIM = {
  source: (id: number): string => `source ${id}`,
  /** The start of a file that is no source yet. @param digest - of its first bytes, hexadecimal */
  head: (digest: string, sensorOverride: string): string => `head ${digest} ${sensorOverride}`,
} as const
