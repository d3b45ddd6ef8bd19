/** How often files are named, in 12 bytes a file: for rows that no index finds, and files of a listing. */
import { createHash } from 'node:crypto'

/**
 * A bag of URIs, kept as 52 bits of their SHA-256: of ten million, one in fifty bags takes a file for another, and
 * then one file stays that could go.
 *
 * First filled (`add`), then asked (`count`, `take`).
 */
export class UriCounts {
  #keys = new Float64Array(1024)
  #counts = new Uint32Array(0)
  #length = 0
  #sorted = false

  add(uri: string): void {
    if (this.#sorted) throw new RangeError('the bag is closed')
    if (this.#length === this.#keys.length) {
      const larger = new Float64Array(this.#keys.length * 2)
      larger.set(this.#keys)
      this.#keys = larger
    }
    this.#keys[this.#length++] = keyOf(uri)
  }

  /** URIs in it, each as often as it was added. */
  get size(): number {
    return this.#sorted ? this.#counts.reduce((sum, count) => sum + count, 0) : this.#length
  }

  count(uri: string): number {
    const at = this.#find(uri)
    return at === undefined ? 0 : (this.#counts[at] ?? 0)
  }

  /** One time less: the row that named it is gone. */
  take(uri: string): void {
    const at = this.#find(uri)
    if (at !== undefined) this.#counts[at] = Math.max(0, (this.#counts[at] ?? 0) - 1)
  }

  #find(uri: string): number | undefined {
    this.#close()
    if (this.#length === 0) return undefined
    const key = keyOf(uri)
    let from = 0
    let until = this.#length
    while (from < until) {
      const middle = (from + until) >>> 1
      if ((this.#keys[middle] ?? 0) < key) from = middle + 1
      else until = middle
    }
    return this.#keys[from] === key && from < this.#length ? from : undefined
  }

  #close(): void {
    if (this.#sorted) return
    this.#sorted = true
    const all = this.#keys.subarray(0, this.#length).sort()
    const counts = new Uint32Array(this.#length)
    let distinct = 0
    for (let at = 0; at < this.#length; at++) {
      if (at > 0 && all[at] === all[distinct - 1]) counts[distinct - 1] = (counts[distinct - 1] ?? 0) + 1
      else {
        all[distinct] = all[at] ?? 0
        counts[distinct++] = 1
      }
    }
    this.#length = distinct
    this.#counts = counts
  }
}

function keyOf(uri: string): number {
  const digest = createHash('sha256').update(uri).digest()
  return digest.readUIntBE(0, 6) * 16 + ((digest[6] ?? 0) >> 4)
}
