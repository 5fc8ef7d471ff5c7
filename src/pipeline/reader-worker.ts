/** The thread of a `workerReader`: reads, sends, waits for credit. */
import { parentPort, workerData } from 'node:worker_threads'
import { OperatingError } from '../core/errors.ts'
import { transferList } from '../core/packed.ts'
import { ValueDictionary } from './batch-builder.ts'
import { probeSource, type ReadPlan, readSource } from './reader.ts'
import { WORKER_CREDITS, type WorkerReply, type WorkerRequest } from './reader-pool.ts'
import { makeStages, type StagesPlan } from './stages.ts'

const port = parentPort!
const stages = await makeStages(workerData as StagesPlan) // set by workerReader alone
const dictionary = new ValueDictionary()
let credits = WORKER_CREDITS
let isStopped = false
let wake: (() => void) | undefined

port.on('message', (request: WorkerRequest) => {
  if (request.kind === 'more') credits += 1
  if (request.kind === 'stop') isStopped = true
  wake?.()
  if (request.kind === 'probe') {
    probeSource(request.path, request.chunkBytes).then(
      (probe) => reply({ kind: 'probed', probe }),
      fail,
    )
  }
  if (request.kind === 'read') read(request.plan).then(() => reply({ kind: 'finished' }), fail)
})

async function read(plan: ReadPlan): Promise<void> {
  isStopped = false
  credits = WORKER_CREDITS
  for await (const message of readSource(plan, stages, dictionary)) {
    if (message.kind === 'batch') {
      while (credits <= 0 && !isStopped) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      credits -= 1
      if (isStopped) return
      port.postMessage(
        { kind: 'message', message } satisfies WorkerReply,
        transferList(message.batch),
      )
    } else {
      reply({ kind: 'message', message })
    }
  }
}

function reply(message: WorkerReply): void {
  port.postMessage(message)
}

function fail(error: unknown): void {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  reply({
    kind: 'failed',
    code,
    message: error instanceof Error ? (error.stack ?? error.message) : String(error),
    operating:
      error instanceof OperatingError ? { message: error.message, hint: error.hint } : undefined,
  })
}
