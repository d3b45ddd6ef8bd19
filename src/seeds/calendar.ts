/**
 * When things happen in seed data: busy on weekday mornings and afternoons, quiet at night and at weekends, a little
 * more each week. Times are whole microseconds since 1970 UTC, which a double holds exactly until the year 2255.
 */
import type { Random } from './random.ts'

export const SECOND = 1_000_000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/** Activity by hour of the day, UTC. */
const BY_HOUR = [2, 2, 1, 1, 2, 3, 6, 10, 14, 16, 16, 14, 12, 15, 16, 15, 13, 11, 9, 7, 6, 5, 4, 3]
/** Activity by day of the week, Sunday first. */
const BY_WEEKDAY = [3, 10, 11, 11, 10, 9, 4]
/** How much busier the last day is than the first. */
const GROWTH = 0.6

export class Calendar {
  readonly from: number
  readonly until: number
  readonly #upTo: Float64Array

  /**
   * @param until end of the period in microseconds since 1970 UTC, not included
   * @param days length of the period
   */
  constructor(until: number, days: number) {
    this.until = until
    this.from = until - days * DAY
    const hours = days * 24
    let sum = 0
    this.#upTo = Float64Array.from({ length: hours }, (_, hour) => {
      const sinceEpoch = Math.floor((this.from + hour * HOUR) / HOUR)
      const ofDay = BY_HOUR[sinceEpoch % 24] ?? 1
      // 1970-01-01 was a Thursday.
      const ofWeek = BY_WEEKDAY[(Math.floor(sinceEpoch / 24) + 4) % 7] ?? 1
      sum += ofDay * ofWeek * (1 + (GROWTH * hour) / hours)
      return sum
    })
  }

  /**
   * When the item at `index` of `count` happens. Later items are never earlier, so rows lie in their table in the
   * order of time, as they would had they been written one after the other.
   */
  at(index: number, count: number, random: Random): number {
    const last = this.#upTo.length - 1
    const target = ((index + random.fraction()) / count) * (this.#upTo[last] ?? 0)
    let low = 0
    let high = last
    while (low < high) {
      const middle = (low + high) >> 1
      if (target < (this.#upTo[middle] ?? 0)) high = middle
      else low = middle + 1
    }
    const before = low === 0 ? 0 : (this.#upTo[low - 1] ?? 0)
    const share = (target - before) / ((this.#upTo[low] ?? 0) - before)
    return this.from + low * HOUR + Math.floor(share * HOUR)
  }
}

const DAY_TEXTS = new Map<number, string>()
const TWO_DIGITS = Array.from({ length: 100 }, (_, number) => String(number).padStart(2, '0'))
const THREE_DIGITS = Array.from({ length: 1000 }, (_, number) => String(number).padStart(3, '0'))

/** A time as PostgreSQL reads it: `2026-11-01 08:15:30.123456+00`. */
export function timestampText(micros: number): string {
  const day = Math.floor(micros / DAY)
  let date = DAY_TEXTS.get(day)
  if (date === undefined) {
    date = new Date(day * 86_400_000).toISOString().slice(0, 10)
    DAY_TEXTS.set(day, date)
  }
  const rest = micros - day * DAY
  const seconds = Math.floor(rest / SECOND)
  const fraction = rest - seconds * SECOND
  const hour = TWO_DIGITS[Math.floor(seconds / 3600)]
  const minute = TWO_DIGITS[Math.floor(seconds / 60) % 60]
  const second = TWO_DIGITS[seconds % 60]
  const milli = Math.floor(fraction / 1000)
  return `${date} ${hour}:${minute}:${second}.${THREE_DIGITS[milli]}${THREE_DIGITS[fraction - milli * 1000]}+00`
}
