/**
 * The plan of a reconciliation: a file of JSON lines. A header says of which database and stores it is; then come the
 * files and rows that were found, with checkpoints in between, from which a listing that was cut off goes on; a last
 * line says that it is whole. Removing orphans works from such a file only.
 */
import { type FileHandle, open } from 'node:fs/promises'
import type { Queryable } from '../db/database.ts'
import { stringifyJson } from '../db/json.ts'
import { errorCode, NotFoundError, RefusedError, StewardError } from '../errors.ts'
import { sql } from '../model/sql.ts'
import type { Store } from '../storage/store.ts'
import { type Checkpoint, type DatabaseIdentity, type Header, type Line, lineIn, type Orphan } from './plan-lines.ts'

/** Bytes; a path is 4,096 at most. */
const LONGEST_LINE = 1_000_000

/** Who the database is. */
export async function identityOf(db: Queryable): Promise<DatabaseIdentity> {
  const { name, oid, allowed } = await db.one<{ name: string; oid: string; allowed: boolean }>(sql`
    SELECT datname AS name, oid::text AS oid,
           has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') AS allowed
    FROM pg_catalog.pg_database
    WHERE datname = current_database()`)
  if (!allowed) return { name, oid, system: null }
  const { system } = await db.one<{ system: string }>(
    sql`SELECT system_identifier::text AS system FROM pg_catalog.pg_control_system()`,
  )
  return { name, oid, system }
}

export function sameDatabase(one: DatabaseIdentity, other: DatabaseIdentity): boolean {
  const systems = one.system === null || other.system === null || one.system === other.system
  return one.name === other.name && one.oid === other.oid && systems
}

export function storesOf(stores: readonly Store[]): Header['stores'] {
  return stores.map(({ name, url }) => ({ name, url }))
}

/** A plan file that is being written. */
export class PlanWriter {
  readonly #file: FileHandle
  #waiting: string[] = []

  private constructor(file: FileHandle) {
    this.#file = file
  }

  /** @throws RefusedError when there is a file of this name already */
  static async create(path: string, header: Header): Promise<PlanWriter> {
    const file = await open(path, 'wx', 0o640).catch((error: unknown) => {
      if (errorCode(error) !== 'EEXIST') throw unreadable(path, error)
      throw new RefusedError({
        code: 'plan-exists',
        message: `There is a file ${path} already`,
        hint: 'Give another name, or add --resume to go on with it',
      })
    })
    const writer = new PlanWriter(file)
    await writer.write(header, true)
    return writer
  }

  /** Opens a file to go on behind its last checkpoint; what came after it is cut off. */
  static async resume(path: string, end: number): Promise<PlanWriter> {
    const file = await open(path, 'r+')
    await file.truncate(end)
    await file.close()
    return new PlanWriter(await open(path, 'a'))
  }

  /** @param keep flushes everything to disk: a checkpoint is only as good as the lines before it */
  async write(line: Line, keep = false): Promise<void> {
    this.#waiting.push(`${stringifyJson(line)}\n`)
    if (!keep && this.#waiting.length < 1000) return
    const text = this.#waiting.join('')
    this.#waiting = []
    await this.#file.appendFile(text)
    if (keep) await this.#file.datasync()
  }

  async close(): Promise<void> {
    if (this.#waiting.length > 0) await this.#file.appendFile(this.#waiting.join(''))
    this.#waiting = []
    await this.#file.close()
  }
}

export interface PlanState {
  readonly header: Header
  /** The last checkpoint of each store and table. */
  readonly stores: ReadonlyMap<string, Extract<Checkpoint, { store: string }>>
  readonly tables: ReadonlyMap<string, Extract<Checkpoint, { table: string }>>
  /** What the lines about orphans add up to, by store. */
  readonly orphans: ReadonlyMap<string, { readonly files: number; readonly bytes: number }>
  readonly complete: boolean
  /** Bytes up to the end of the header or last checkpoint. */
  readonly end: number
}

/** Reads how far a plan came; its orphans are read by `orphansOf`. @throws RefusedError when it is none */
export async function readPlan(path: string): Promise<PlanState> {
  let header: Header | undefined
  const stores = new Map<string, Extract<Checkpoint, { store: string }>>()
  const tables = new Map<string, Extract<Checkpoint, { table: string }>>()
  const orphans = new Map<string, { files: number; bytes: number }>()
  let complete = false
  let end = 0
  for await (const { line, after } of linesOf(path)) {
    if (line.kind === 'header') header = line
    else if (line.kind === 'complete') complete = true
    else if (line.kind === 'checkpoint') {
      if ('store' in line) stores.set(line.store, line)
      else tables.set(line.table, line)
    } else {
      if (line.kind === 'orphan') {
        const sum = orphans.get(line.store) ?? { files: 0, bytes: 0 }
        orphans.set(line.store, { files: sum.files + 1, bytes: sum.bytes + line.bytes })
      }
      continue
    }
    end = after
  }
  if (header === undefined) throw noPlan(path, 'it has no header')
  return { header, stores, tables, orphans, complete, end }
}

/** The orphans of a plan, in the order in which they were found. */
export async function* orphansOf(path: string): AsyncGenerator<Orphan> {
  for await (const { line } of linesOf(path)) if (line.kind === 'orphan') yield line
}

/** @throws RefusedError naming the line that is none; one that was cut off at the end is passed over */
async function* linesOf(path: string): AsyncGenerator<{ readonly line: Line; readonly after: number }> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw unreadable(path, error)
  })
  try {
    let number = 0
    for await (const { text, after } of textLines(file)) {
      number += 1
      const line = lineIn(text)
      if (line === undefined || (number === 1) !== (line.kind === 'header')) {
        throw noPlan(path, `line ${number} is none of it`)
      }
      yield { line, after }
    }
  } finally {
    await file.close()
  }
}

/** Lines that have their end; the last one may have been cut off when its writer was killed. */
async function* textLines(file: FileHandle): AsyncGenerator<{ readonly text: string; readonly after: number }> {
  let rest: Buffer = Buffer.alloc(0)
  let after = 0
  for await (const chunk of file.createReadStream({ autoClose: false })) {
    const bytes = Buffer.concat([rest, chunk])
    let from = 0
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, from)) {
      after += end - from + 1
      yield { text: bytes.toString('utf8', from, end), after }
      from = end + 1
    }
    rest = bytes.subarray(from)
    if (rest.length > LONGEST_LINE)
      throw new RefusedError({
        code: 'no-plan',
        message: 'The plan has a line without end',
        hint: 'Make one with steward artifacts verify --plan FILE',
      })
  }
}

function noPlan(path: string, why: string): RefusedError {
  return new RefusedError({
    code: 'no-plan',
    message: `${path} is no plan of artifacts verify: ${why}`,
    hint: 'Make one with steward artifacts verify --plan FILE',
  })
}

function unreadable(path: string, error: unknown): unknown {
  if (error instanceof StewardError || !(error instanceof Error) || !('code' in error)) return error
  return new NotFoundError({
    code: 'plan-unreadable',
    message: `The plan ${path} cannot be opened (${String(error.code)})`,
    hint: 'Give the path of a file that steward artifacts verify --plan FILE made',
  })
}
