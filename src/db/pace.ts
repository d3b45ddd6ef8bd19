/**
 * The pace of maintenance beside the platform's own work: when to wait, when to end, how much to take at once.
 * Everything that works in batches asks the same questions between two of them.
 */
import { InterruptedError, StewardError, UnfinishedError } from '../errors.ts'

/** Why a run ends with work left. */
export interface Stop {
  /** In words: `--run-time of 10m is over`, `SIGTERM`. */
  readonly why: string
  /** Exit 9, 130 or 143. */
  readonly error: InterruptedError | UnfinishedError
}

/** What a job that was stopped comes to. */
export function stoppedAs({ error }: Pick<Stop, 'error'>): 'interrupted' | 'unfinished' {
  return error instanceof InterruptedError ? 'interrupted' : 'unfinished'
}

export interface Pace {
  /**
   * To be asked before each batch. Waits for as long as there is a reason to (replica lag, a session that waits for a
   * lock of ours, the stop file, the configuration's `pause`), says it once a reason, and goes on when it is gone. A
   * run that waits ends at once when its time is over or a signal comes.
   *
   * @returns undefined to go on; a reason to end: time is over, a signal came
   * @throws LockedError (exit 8) when the lease was lost
   */
  next(): Promise<Stop | undefined>
}

/** Something that maintenance waits for. */
export interface Reason {
  /** Milliseconds for which an answer is good; 0 asks before every batch. */
  readonly everyMs: number
  /** Why to wait, in words: `replica db2 is 42 s behind (limit 30 s)`; undefined when there is no reason to. */
  check(): Promise<string | undefined>
  /** A batch begins. */
  begun?(): void
  /** It is over, after so many milliseconds. */
  over?(milliseconds: number): void
}

export interface PaceOptions {
  /** Aborted with the reason to end: a signal's InterruptedError, or the error of a lost lease. */
  readonly signal: AbortSignal
  /** Milliseconds that the run may take; no end when absent. */
  readonly runTimeMs?: number | undefined
  /** Since when they count, by `performance.now()`; since now when absent. */
  readonly began?: number | undefined
  /** `10m`, as it was asked for. */
  readonly runTime?: string
  readonly reasons: readonly Reason[]
  /** Takes a line for people. */
  readonly say: (line: string) => void
}

/** Milliseconds between two looks at a reason that holds: soon at first, then less and less often. */
const FIRST_PAUSE = 100
const LONGEST_PAUSE = 1000

/** A pace for one run. Close it, or a look at the locks may go on. */
export function openPace(options: PaceOptions): Pace & { close(): void } {
  const { signal, say } = options
  const { began = performance.now(), runTimeMs = Number.POSITIVE_INFINITY } = options
  const deadline = began + runTimeMs
  const answers = new Map<Reason, { readonly at: number; readonly why: string | undefined }>()
  let batchBegan: number | undefined

  function batchOver(): void {
    if (batchBegan === undefined) return
    const took = performance.now() - batchBegan
    batchBegan = undefined
    for (const reason of options.reasons) reason.over?.(took)
  }

  function batchBegins(): void {
    batchBegan = performance.now()
    for (const reason of options.reasons) reason.begun?.()
  }

  /** @param waitingFor is asked again whatever the age of its last answer */
  async function firstReason(waitingFor: Reason | undefined): Promise<{ reason: Reason; why: string } | undefined> {
    for (const reason of options.reasons) {
      const known = answers.get(reason)
      const fresh = known && performance.now() - known.at < reason.everyMs && reason !== waitingFor
      const why = fresh ? known.why : await reason.check()
      if (!fresh) answers.set(reason, { at: performance.now(), why })
      if (why !== undefined) return { reason, why }
    }
    return undefined
  }

  function ended(waitedFor: string | undefined): Stop | undefined {
    const waiting = waitedFor === undefined ? '' : `, while it waited: ${waitedFor}`
    if (signal.aborted) {
      const error = stopError(signal.reason)
      return { why: `${error.exitCode === 143 ? 'SIGTERM' : 'SIGINT'}${waiting}`, error }
    }
    if (performance.now() < deadline) return undefined
    const why = `--run-time${options.runTime === undefined ? '' : ` of ${options.runTime}`} is over${waiting}`
    return { why, error: new UnfinishedError({ code: 'run-time-over', message: why, hint: GOES_ON }) }
  }

  return {
    async next() {
      batchOver()
      let waiting: { readonly reason: Reason; readonly why: string; readonly since: number } | undefined
      for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
        const stop = ended(waiting?.why)
        if (stop !== undefined) return stop
        const found = await firstReason(waiting?.reason)
        if (found === undefined) break
        if (waiting?.reason !== found.reason) {
          say(`waits: ${found.why}`)
          waiting = { ...found, since: performance.now() }
        }
        await sleep(Math.min(pause, deadline - performance.now()), signal)
      }
      // A stop that came with the last look is not to cost another batch.
      const stop = ended(undefined)
      if (stop !== undefined) return stop
      if (waiting !== undefined) say(`goes on after ${Math.ceil((performance.now() - waiting.since) / 1000)} s`)
      batchBegins()
      return undefined
    },
    close: batchOver,
  }
}

const GOES_ON = 'The next run goes on where this one ended'

function stopError(reason: unknown): InterruptedError | UnfinishedError {
  if (reason instanceof InterruptedError || reason instanceof UnfinishedError) return reason
  if (reason instanceof StewardError) throw reason
  return new InterruptedError('SIGINT')
}

/** Returns after so many milliseconds, or when the signal comes. */
export function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, Math.max(0, milliseconds))
    signal.addEventListener('abort', done)
    if (signal.aborted) done()
  })
}

/** How many items a batch takes: as many as take `targetMs`, learned from the batches before. */
export interface BatchSize {
  readonly current: number
  /** Tells how long a batch of so many items took. */
  took(items: number, milliseconds: number): void
  /** After a conflict or a timeout: half of it. @returns false when it cannot be less */
  shrink(): boolean
}

export interface BatchBounds {
  readonly first: number
  readonly least: number
  readonly most: number
  /** Milliseconds that one batch should take. */
  readonly targetMs: number
}

/**
 * A size that grows at most twofold a batch and follows the measured time per item, smoothed, so that one slow batch
 * does not throw it off.
 */
export function adaptiveSize({ first, least, most, targetMs }: BatchBounds): BatchSize {
  let current = clamp(first)
  let perItem: number | undefined
  return {
    get current() {
      return current
    },
    took(items, milliseconds) {
      if (items === 0) return
      const measured = Math.max(milliseconds, 0.1) / items
      perItem = perItem === undefined ? measured : perItem * 0.6 + measured * 0.4
      current = clamp(Math.min(targetMs / perItem, current * 2))
    },
    shrink() {
      if (current <= least) return false
      current = clamp(current / 2)
      return true
    },
  }

  function clamp(size: number): number {
    return Math.min(most, Math.max(least, Math.floor(size)))
  }
}
