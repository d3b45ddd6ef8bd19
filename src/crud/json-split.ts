/** Cuts a stream of JSON text into its values without parsing them: an array's elements, or values one by one. */

export interface JsonSlice {
  readonly text: string
  /** Line where the value begins, counted from 1. */
  readonly line: number
  /** Set instead of a value when the text ends, or goes on, where it should not; nothing follows. */
  readonly broken?: string
}

/**
 * Values of a JSON array at the top, or values that follow each other (also over several lines). Memory holds one value
 * at a time.
 *
 * @param chunks decoded text
 */
export async function* splitJson(chunks: AsyncIterable<string>): AsyncGenerator<JsonSlice, void, undefined> {
  const splitter = new Splitter()
  for await (const chunk of chunks) {
    splitter.push(chunk)
    yield* splitter.taken()
  }
  splitter.end()
  yield* splitter.taken()
}

class Splitter {
  #line = 1
  #begins = 1
  #value = ''
  #depth = 0
  #inText = false
  #escaped = false
  #array: 'unknown' | 'open' | 'closed' | 'none' = 'unknown'
  #expectsValue = false
  #done = false
  #slices: JsonSlice[] = []

  /** The values completed since the last call. */
  taken(): JsonSlice[] {
    const slices = this.#slices
    this.#slices = []
    return slices
  }

  push(chunk: string): void {
    for (const character of chunk) {
      if (this.#done) return
      this.#take(character)
      if (character === '\n') this.#line++
    }
  }

  end(): void {
    if (this.#done) return
    if (this.#depth === 0 && !this.#inText) this.#finish()
    else this.#broken('ends in the middle of a value')
    if (this.#array === 'open' && !this.#done) this.#broken('ends before the array is closed')
  }

  #take(character: string): void {
    if (this.#inText) {
      this.#value += character
      if (this.#escaped) this.#escaped = false
      else if (character === '\\') this.#escaped = true
      else if (character === '"') this.#inText = false
      return
    }
    if (this.#depth === 0) {
      if (/\s/.test(character)) {
        this.#finish()
        return
      }
      if (this.#array === 'unknown') {
        this.#array = character === '[' ? 'open' : 'none'
        if (this.#array === 'open') return
      }
      if (this.#array === 'closed') {
        this.#broken('has text after the end of the array')
        return
      }
      if (this.#array === 'open' && (character === ',' || character === ']')) {
        this.#separator(character)
        return
      }
    }
    if (this.#value === '') this.#begins = this.#line
    this.#value += character
    if (character === '"') this.#inText = true
    else if (character === '{' || character === '[') this.#depth++
    else if (character === '}' || character === ']') this.#depth--
    if (this.#depth < 0) this.#broken('closes a bracket that was never opened')
    else if (this.#depth === 0 && (character === '}' || character === ']')) this.#finish()
  }

  #separator(character: string): void {
    this.#finish()
    if (character === ']') {
      if (this.#expectsValue) this.#broken('has a comma before the end of the array')
      this.#array = 'closed'
    } else this.#expectsValue = true
  }

  #finish(): void {
    if (this.#value === '') return
    const slice = { text: this.#value, line: this.#begins }
    this.#value = ''
    this.#expectsValue = false
    this.#slices.push(slice)
  }

  #broken(reason: string): void {
    this.#done = true
    this.#slices.push({ text: '', line: this.#line, broken: reason })
  }
}
