/**
 * In: committed batches of the live stream. Out: figures by sensor and hour, and alarms on hours that are not as usual.
 * Promises: bounded memory, a fraction of a microsecond an event, silence until it knows a sensor, no error into the loop.
 * Refuses: to guess figures that nobody counted, and to print or obey anything it counted.
 */
export { type Knowledge, knowledgeOf } from './baseline.ts'
export {
  anomalyJson,
  anomalyNumbered,
  callFalseAlarm,
  confirmAnomaly,
} from './decisions.ts'
export { DETECTOR_TABLE, judge, sentenceOn, thresholdOf } from './detectors.ts'
export { knowledgeOfSensor } from './history.ts'
export type { PlaceOf } from './meter.ts'
export {
  AnomalyWatch,
  type AnomalyWatchOptions,
  type OpenAlarm,
  type RaisedAlarm,
} from './watch.ts'
