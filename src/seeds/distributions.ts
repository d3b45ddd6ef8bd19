/**
 * The shapes that real data has: a few values that dominate, and durations with a long tail. All of it is built from
 * + - * / alone, which IEEE 754 fixes to the last bit; `Math.exp` and `Math.pow` may differ between machines, and
 * then the same seed would not give the same rows.
 */
import type { Random } from './random.ts'

/** Draws from a fixed set of values, each with its own weight. */
export class Weighted<T> {
  readonly #values: readonly T[]
  readonly #upTo: Float64Array

  /** @throws RangeError when there is nothing to draw */
  constructor(choices: readonly (readonly [value: T, weight: number])[]) {
    const total = choices.reduce((sum, [, weight]) => sum + weight, 0)
    if (!(total > 0)) throw new RangeError('nothing to draw from')
    let sum = 0
    this.#values = choices.map(([value]) => value)
    this.#upTo = Float64Array.from(choices, ([, weight]) => {
      sum += weight
      return sum / total
    })
  }

  draw(random: Random): T {
    const position = random.fraction()
    let low = 0
    let high = this.#upTo.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (position < (this.#upTo[middle] ?? 1)) high = middle
      else low = middle + 1
    }
    // `low` is an index by construction, and an undefined value would be one of the caller's own.
    return this.#values[low] as T
  }
}

/** Weights by rank, 1, 1/2, 1/3 … (Zipf's law with exponent 1): the first few dominate. */
export function zipf<T>(values: readonly T[]): Weighted<T> {
  return new Weighted(values.map((value, index) => [value, 1 / (index + 1)]))
}

/** Steps of the tabulated curve of a lognormal distribution. */
const STEPS = 512
/** Four uniform numbers have variance 1/3, so their centred sum times the root of 3 has variance 1. */
const ROOT_OF_3 = 1.7320508075688772

/**
 * A lognormal distribution: half the values below the median, a few far above it. The normal variate is the centred
 * sum of four uniform ones, which ends at ±3.46 standard deviations; the longest value is therefore
 * `median * exp(3.46 * spread)`.
 */
export class LongTail {
  readonly #table: Float64Array

  /**
   * @param median in the caller's unit
   * @param spread standard deviation of the logarithm: 0.5 is tight, 1 spans two orders of magnitude
   */
  constructor(median: number, spread: number) {
    const reach = 2 * ROOT_OF_3
    this.#table = Float64Array.from(
      { length: STEPS + 2 },
      (_, step) => median * exponential(spread * reach * ((2 * step) / STEPS - 1)),
    )
  }

  draw(random: Random): number {
    const sum = random.fraction() + random.fraction() + random.fraction() + random.fraction()
    const position = (sum / 4) * STEPS
    const step = Math.floor(position)
    const low = this.#table[step] ?? 0
    return low + (position - step) * ((this.#table[step + 1] ?? low) - low)
  }
}

/** e^x by Taylor's series on x / 256, squared eight times. */
export function exponential(x: number): number {
  const small = x / 256
  let result = 1 + small * (1 + (small / 2) * (1 + (small / 3) * (1 + (small / 4) * (1 + small / 5))))
  for (let squaring = 0; squaring < 8; squaring++) result *= result
  return result
}
