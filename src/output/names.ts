/** Names of the outputs, apart from their renderers: help and parsing need no more. */
export const OUTPUT_NAMES = [
  'text',
  'json',
  'html',
  'csv',
  'markdown',
  'log',
  'mail',
  'stix',
  'prompt',
] as const

export type OutputName = (typeof OUTPUT_NAMES)[number]
