/** The thread of a `ReplayPool`: reads one recording after the other, and plays it. */
import { parentPort } from 'node:worker_threads'
import { makeAsciicast } from './asciicast.ts'
import { readRecorded } from './file.ts'
import type { ReplayJob, ReplayOutcome } from './pool.ts'
import { makeReplay } from './replay.ts'

const port = parentPort!

port.on('message', (job: ReplayJob) => port.postMessage(outcomeOf(job)))

function outcomeOf({ form, files, size, span }: ReplayJob): ReplayOutcome {
  const file = readRecorded(files)
  if (typeof file === 'string') return { problem: file }
  // A text is cheap to hand over, objects are not.
  return {
    text:
      form === 'frames'
        ? JSON.stringify(makeReplay(file.bytes, size, file.isWhole, span))
        : makeAsciicast(file.bytes, size, file.isWhole)
            .map((value) => JSON.stringify(value))
            .join('\n'),
  }
}
