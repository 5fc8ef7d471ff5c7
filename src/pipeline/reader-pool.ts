import { Worker } from 'node:worker_threads'
import { OperatingError } from '../core/errors.ts'
import { LIMITS } from '../limits.ts'
import { type FileSystem, systemFiles } from '../source/files.ts'
import { ValueDictionary } from './batch-builder.ts'
import { type Probe, probeSource, type ReadMessage, type ReadPlan, readSource } from './reader.ts'
import type { ReadingStages, StagesPlan } from './stages.ts'

/** Something that reads sources one after the other. */
export type Reader = {
  /** Names the dictionary that its batches point into. */
  readonly id: number
  probe(path: string, chunkBytes: number): Promise<Probe>
  read(plan: ReadPlan): AsyncGenerator<ReadMessage>
  close(): Promise<void>
}

/** Reads in the calling thread. */
export function inlineReader(
  id: number,
  stages: ReadingStages,
  files: FileSystem = systemFiles,
): Reader {
  const dictionary = new ValueDictionary()
  return {
    id,
    probe: (path, chunkBytes) => probeSource(path, chunkBytes, files),
    read: (plan) => readSource(plan, stages, dictionary, files),
    close: async () => {},
  }
}

export type WorkerRequest =
  | { readonly kind: 'probe'; readonly path: string; readonly chunkBytes: number }
  | { readonly kind: 'read'; readonly plan: ReadPlan }
  | { readonly kind: 'more' }
  | { readonly kind: 'stop' }

export type WorkerReply =
  | { readonly kind: 'probed'; readonly probe: Probe }
  | { readonly kind: 'message'; readonly message: ReadMessage }
  | { readonly kind: 'finished' }
  | {
      readonly kind: 'failed'
      readonly code: string
      readonly message: string
      /** Set where an operator can act on it. */
      readonly operating: { readonly message: string; readonly hint: string } | undefined
    }

/**
 * Reads in a worker thread, ahead of the caller by a bounded number of batches.
 *
 * @param plan - what the worker makes its stages from, itself
 */
export function workerReader(id: number, plan: StagesPlan): Reader {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const worker = new Worker(new URL(`./reader-worker.${extension}`, import.meta.url), {
    workerData: plan,
    // Decoders of hostile archives run here: a heap that grows without end stops the thread, not the machine. One record
    // of 8 MiB can need half a gigabyte for a moment; ordinary logs stay below 40 MiB.
    resourceLimits: { maxOldGenerationSizeMb: 1_024, maxYoungGenerationSizeMb: 6 },
  })
  const replies: WorkerReply[] = []
  let wake: (() => void) | undefined
  let broken: Error | undefined
  worker.on('message', (reply: WorkerReply) => {
    replies.push(reply)
    wake?.()
  })
  worker.on('error', (error: Error) => {
    broken = error
    wake?.()
  })
  const receive = async (): Promise<WorkerReply> => {
    while (replies.length === 0) {
      if (broken !== undefined) throw broken
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
    return replies.shift()!
  }
  const send = (request: WorkerRequest): void => worker.postMessage(request)
  return {
    id,
    async probe(path, chunkBytes) {
      send({ kind: 'probe', path, chunkBytes })
      const reply = await receive()
      if (reply.kind === 'probed') return reply.probe
      throw failureFrom(reply)
    },
    async *read(reading) {
      send({ kind: 'read', plan: reading })
      let isDone = false
      try {
        for (;;) {
          const reply = await receive()
          if (reply.kind === 'finished') {
            isDone = true
            return
          }
          if (reply.kind !== 'message') {
            isDone = true
            throw failureFrom(reply)
          }
          yield reply.message
          if (reply.message.kind === 'batch') send({ kind: 'more' })
        }
      } finally {
        if (!isDone) send({ kind: 'stop' })
        while (!isDone) {
          const reply = await receive()
          isDone = reply.kind === 'finished' || reply.kind === 'failed'
        }
      }
    },
    async close() {
      await worker.terminate()
    },
  }
}

/** Batches that a worker may have sent and the caller not yet taken. */
export const WORKER_CREDITS: number = LIMITS.batchesInFlightMax - 1

function failureFrom(reply: WorkerReply): Error {
  if (reply.kind !== 'failed') return new Error(`unexpected reply of a reader: ${reply.kind}`)
  const { operating } = reply
  if (operating !== undefined)
    return new OperatingError(reply.code, operating.message, { hint: operating.hint })
  return Object.assign(new Error(reply.message), { code: reply.code })
}
