/**
 * Pseudo-random numbers for seed data: sfc32 (Chris Doty-Humphrey's small fast counting generator, from PractRand),
 * restarted for every row from the seed, the name of a stream and the row's number. A row therefore depends on
 * nothing but those three: tables do not disturb each other, and any part of a table can be made again without the
 * rows before it. Only 32-bit integer arithmetic is used, so every machine gets the same numbers.
 */

/** 2^-32: turns 32 random bits into a fraction. */
const FRACTION = 1 / 4_294_967_296

/** Rounds that mix the four words of a new state; the author recommends 12 for a 64-bit seed. */
const WARM_UP = 12

export class Random {
  readonly #first: number
  readonly #second: number
  #a = 0
  #b = 0
  #c = 0
  #d = 0

  /**
   * @param seed whole number from 0 to `Number.MAX_SAFE_INTEGER`
   * @param stream name of what is generated, e.g. `steps`; different names give unrelated numbers
   */
  constructor(seed: number, stream: string) {
    this.#first = hash(`${stream}\0${seed}`, 0x9e3779b9)
    this.#second = hash(`${seed}\0${stream}`, 0x85ebca6b)
    this.at(0)
  }

  /** Restarts the stream for row `index` (0 to 2^53 - 1). */
  at(index: number): this {
    this.#a = this.#first
    this.#b = this.#second ^ Math.floor(index * FRACTION)
    this.#c = index | 0
    this.#d = 1
    for (let round = 0; round < WARM_UP; round++) this.bits()
    return this
  }

  /** 32 random bits as an unsigned integer. */
  bits(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#d) | 0
    this.#d = (this.#d + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  /** A fraction in [0, 1). */
  fraction(): number {
    return this.bits() * FRACTION
  }

  /** A whole number in [0, limit). */
  below(limit: number): number {
    return Math.floor(this.bits() * FRACTION * limit)
  }

  /** A whole number from `lowest` to `highest`, both included. */
  between(lowest: number, highest: number): number {
    return lowest + this.below(highest - lowest + 1)
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.bits() * FRACTION < probability
  }

  /** One of the items, each as likely as any other. @throws RangeError when there is none */
  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)]
    if (item === undefined) throw new RangeError('nothing to pick from')
    return item
  }

  /** Lower-case hexadecimal digits. */
  hex(digits: number): string {
    let text = ''
    while (text.length < digits) text += this.bits().toString(16).padStart(8, '0')
    return text.slice(0, digits)
  }
}

/** FNV-1a over UTF-16 code units, finished with MurmurHash3's mixer so that short names differ in every bit. */
function hash(text: string, start: number): number {
  let value = start
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 16_777_619)
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return value ^ (value >>> 16)
}
