/** Makes replays in a thread beside the caller's, one at a time, so that no recording can hold the caller up. */
import { Worker } from 'node:worker_threads'
import { ReplayError } from '../core/errors.ts'
import { LIMITS } from '../limits.ts'
import type { FileProblem, RecordedFile } from './file.ts'
import type { ReplaySize, SessionSpan } from './replay.ts'

/** `frames` gives the JSON of a `Replay`, `asciicast` JSON values line by line. */
export type ReplayForm = 'frames' | 'asciicast'

export type ReplayJob = {
  readonly form: ReplayForm
  /** Copies of the recording. */
  readonly files: readonly RecordedFile[]
  readonly size: ReplaySize
  readonly span: SessionSpan
}

export type ReplayOutcome = { readonly text: string } | { readonly problem: FileProblem }

export class ReplayPool {
  readonly #msMax: number
  #worker: Worker | undefined
  #waiting = 0
  #last: Promise<unknown> = Promise.resolve()
  /** The least recently used first. */
  readonly #kept = new Map<string, string>()
  #keptBytes = 0

  /** @param msMax - milliseconds that one replay may take */
  constructor(msMax: number = LIMITS.replayMsMax) {
    this.#msMax = msMax
  }

  /**
   * Makes a replay, or gives the one that was made of the same bytes before.
   *
   * @param signal - of who asked; when nobody waits any more before it begins, it is not made
   * @throws ReplayError `REPLAY_NO_FILE`, `REPLAY_CHANGED`, `REPLAY_BUSY`, `REPLAY_FAILED`
   */
  async make(job: ReplayJob, signal?: AbortSignal): Promise<string> {
    const hashes = job.files.map((file) => file.sha256)
    const key = [job.form, job.size.columns, job.size.rows, ...job.span, ...hashes].join(' ')
    const kept = this.#kept.get(key)
    if (kept !== undefined) {
      this.#kept.delete(key)
      this.#kept.set(key, kept)
      return kept
    }
    if (this.#waiting >= LIMITS.replayWaitingMax)
      throw new ReplayError('REPLAY_BUSY', 'Too many replays are asked for at once.', {
        hint: 'Try again in a moment.',
      })
    this.#waiting += 1
    const made = this.#last.then(() => {
      signal?.throwIfAborted()
      return this.#run(job)
    })
    this.#last = made.catch(() => undefined)
    try {
      const outcome = await made
      if ('problem' in outcome) throw fileError(outcome.problem)
      this.#keep(key, outcome.text)
      return outcome.text
    } finally {
      this.#waiting -= 1
    }
  }

  async close(): Promise<void> {
    await this.#worker?.terminate()
    this.#worker = undefined
  }

  async #run(job: ReplayJob): Promise<ReplayOutcome> {
    this.#worker ??= startWorker()
    const worker = this.#worker
    const { promise, resolve, reject } = Promise.withResolvers<ReplayOutcome>()
    const fail = (why: string): void =>
      reject(
        new ReplayError('REPLAY_FAILED', `The recording could not be played: ${why}.`, {
          hint: 'The file stays where it is; a player of Cowrie may show it. Please report it, without the file.',
        }),
      )
    const onError = (): void => fail('the thread that plays ended')
    const timer = setTimeout(() => fail('it takes too long'), this.#msMax)
    worker.once('message', resolve)
    worker.once('error', onError)
    worker.once('exit', onError)
    try {
      worker.postMessage(job)
      return await promise
    } catch (error) {
      // What it still does is not waited for.
      this.#worker = undefined
      await worker.terminate()
      throw error
    } finally {
      clearTimeout(timer)
      worker.off('message', resolve)
      worker.off('error', onError)
      worker.off('exit', onError)
    }
  }

  #keep(key: string, text: string): void {
    const bytes = 2 * text.length
    if (bytes > LIMITS.replayKeptBytesMax) return
    this.#kept.set(key, text)
    this.#keptBytes += bytes
    for (const [oldest, old] of this.#kept) {
      if (this.#keptBytes <= LIMITS.replayKeptBytesMax) break
      this.#kept.delete(oldest)
      this.#keptBytes -= 2 * old.length
    }
  }
}

/** What to tell where a recorded file is not played. */
export function fileError(problem: FileProblem): ReplayError {
  return problem === 'missing'
    ? new ReplayError('REPLAY_NO_FILE', 'The recording of this terminal is not there.', {
        hint: 'Name its folder once: "nacre ingest bulk LOGS --artifacts FOLDER" notes where recordings lie. Cowrie itself deletes none.',
      })
    : new ReplayError(
        'REPLAY_CHANGED',
        'The file of this recording was changed since it was looked up; it is not played.',
        {
          hint: 'If it still grew then, look it up again with "nacre ingest bulk LOGS --artifacts FOLDER"; else ask who changed it.',
        },
      )
}

function startWorker(): Worker {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const worker = new Worker(new URL(`./worker.${extension}`, import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: LIMITS.replayHeapMibMax },
  })
  // An idle thread does not keep the program running.
  worker.unref()
  return worker
}
