/**
 * The pace of maintenance beside the platform's own work: when to wait, when to end, how much to take at once.
 * Everything that works in batches asks the same questions between two of them.
 */
import type { InterruptedError, UnfinishedError } from '../errors.ts'

/** Why a run ends with work left. */
export interface Stop {
  /** In words: `--run-time of 10m is over`, `SIGTERM`, `maintenance.stop is there`. */
  readonly why: string
  /** Exit 9, 130 or 143. */
  readonly error: InterruptedError | UnfinishedError
}

export interface Pace {
  /**
   * To be asked before each batch. Waits for as long as there is a reason to (replica lag, a session that waits for a
   * lock of ours, the stop file, the configuration's `pause`), says it once a reason, and goes on when it is gone.
   *
   * @returns undefined to go on; a reason to end: time is over, a signal came
   */
  next(): Promise<Stop | undefined>
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
