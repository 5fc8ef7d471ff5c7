/**
 * In: options. Out: a folder of synthetic Cowrie logs with the truth about them.
 * Promises: the same options give the same bytes; the truth is counted from the generator's own
 * model while it writes, never read back and never by calling another part of nacre.
 * Refuses: a folder that is not empty, options out of range.
 */
export { SynthFolderError, type SynthOutcome, synthesize } from './generate.ts'
export {
  checkSynthOptions,
  SYNTH_DEFAULTS,
  SYNTH_RANGES,
  SYNTH_RATES,
  SYNTH_STYLES,
  type SynthOptions,
  type SynthStyle,
} from './options.ts'
export type { FileTruth, TopLists, Totals, TruthDocument } from './truth.ts'
