/**
 * The digest of archived rows (see ../digest.ts), computed from COPY text: the same number that the server computes of
 * the rows, so a file is proved to hold them without loading it anywhere.
 *
 * The server hashes `ROW(…)::text`. Its values are those of COPY, since both call the types' output functions under the
 * same settings; around them stand the parentheses, commas and quotes of composite values (PostgreSQL manual, 8.16.6;
 * record_out in its source), which are made here.
 */
import { hash } from 'node:crypto'
import type { Field } from './copy-text.ts'

/** What record_out quotes: nothing, its own syntax, and white space as isspace() of C has it. */
const QUOTED = /^$|["\\(), \t\n\v\f\r]/
const DOUBLED = /["\\]/g

/** Adds up rows as they pass. */
export class RowDigest {
  #rows = 0n
  #sum = 0n

  add(fields: readonly Field[]): void {
    const digest = hash('sha256', Buffer.from(rowText(fields), 'latin1'), 'buffer')
    this.#sum += digest.readBigInt64BE(0)
    this.#rows += 1n
  }

  get rows(): bigint {
    return this.#rows
  }

  /** As `steward.archive_batch_tables.digest`. */
  get digest(): string {
    return this.#sum.toString()
  }
}

function rowText(fields: readonly Field[]): string {
  let text = '('
  for (let index = 0; index < fields.length; index++) {
    const field = fields[index]
    if (index > 0) text += ','
    if (field === null || field === undefined) continue
    text += QUOTED.test(field) ? `"${field.replace(DOUBLED, '$&$&')}"` : field
  }
  return `${text})`
}
