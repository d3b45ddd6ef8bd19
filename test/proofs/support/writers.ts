/** Sessions that use a graph's tables while they are archived: they insert, change, delete, and hold locks. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Client, DatabaseError } from 'pg'
import type { Endpoint } from '../../../src/config/config.ts'
import { quoteIdentifier } from '../../../src/model/sql.ts'
import { Random } from '../../../src/seeds/random.ts'
import { idOf } from '../../support/graph-arbitrary.ts'
import {
  type Graph,
  type GraphKey,
  type GraphTable,
  type IdType,
  nameOf,
  OLD,
  YOUNG,
} from '../../support/graph-schema.ts'
import { WRITER } from './ledger.ts'
import { openClient } from './placed-graph.ts'

export interface Writing {
  /** Ends the writers after their transactions in flight. @returns how many transactions were committed and refused */
  end(): Promise<{ readonly committed: number; readonly refused: number }>
}

/**
 * Refusals that a writer has to live with: a key's (23503, 23001), a lock that came too late, a deadlock, a row that a
 * partition no longer takes, a concurrent update.
 */
const REFUSALS = /^(23503|23001|23502|23505|55P03|40P01|40001|23514)$/

/**
 * Transactions of a session at most: they make rows that are due as fast as an archive run can move them, which would
 * then never find an end.
 */
const MOST = 80

/** Starts sessions that write until they are told to end. @throws at `end` what no writer has to live with */
export async function startWriters(endpoint: Endpoint, graph: Graph, seed: number, sessions = 3): Promise<Writing> {
  const clients = await Promise.all(Array.from({ length: sessions }, () => openClient(endpoint)))
  let over = false
  let number = 1000
  const counts = { committed: 0, refused: 0 }

  async function write(client: Client, random: Random): Promise<void> {
    await client.query(`SET lock_timeout = '2s'; SET ${WRITER} = 'on'`)
    for (let done = 0; done < MOST && !over; done++) {
      try {
        await client.query('BEGIN')
        for (let step = random.between(1, 3); step > 0; step--) {
          await act(client, random)
          await sleep(random.between(0, 4))
        }
        await client.query(random.chance(0.1) ? 'ROLLBACK' : 'COMMIT')
        counts.committed++
      } catch (error) {
        await client.query('ROLLBACK')
        if (!(error instanceof DatabaseError) || !REFUSALS.test(error.code ?? '')) throw error
        counts.refused++
      }
    }
  }

  async function act(client: Client, random: Random): Promise<void> {
    const place = random.chance(0.4) ? graph.root : random.between(0, graph.tables.length - 1)
    const table = graph.tables[place]
    if (table === undefined) return
    const name = nameOf(table)
    const id = await anyId(client, table)
    const change = (assignments: string, values: readonly (string | null)[]) =>
      client.query(`UPDATE ${name} SET ${assignments} WHERE "id"::text = $1`, [id, ...values])
    switch (random.pick(['insert', 'insert', 'note', 'age', 'refer', 'refer', 'delete', 'lock', 'hold', 'part'])) {
      case 'insert':
        return insert(client, random, table, place)
      case 'note':
        await change(`${quoteIdentifier(payloadOf(table))} = $2`, [`by a writer ${random.below(1000)}`])
        return
      case 'age':
        if (place !== graph.root) return
        await change('"age" = $2::timestamptz, "state" = $3', [ageAt(random), random.pick(['done', 'open'])])
        return
      case 'refer': {
        const keys = graph.keys.filter(({ child }) => child === place)
        if (keys.length === 0) return
        const key = random.pick(keys)
        const referred = await reference(client, random, key)
        const columns = [...referred.keys()].filter((column) => column !== 'part')
        if (columns.length === 0) return
        const sets = columns.map(
          (column, index) => `${quoteIdentifier(column)} = $${index + 2}::text::${typeOf(table, column)}`,
        )
        await change(
          sets.join(', '),
          columns.map((column) => referred.get(column) ?? null),
        )
        return
      }
      case 'delete':
        await client.query(`DELETE FROM ${name} WHERE "id"::text = $1`, [id])
        return
      case 'lock':
      case 'hold':
        await client.query(
          `SELECT FROM ${name} WHERE "id"::text = $1 FOR ${random.pick(['UPDATE', 'KEY SHARE', 'NO KEY UPDATE', 'SHARE'])}`,
          [id],
        )
        await sleep(random.between(0, 40))
        return
      case 'part':
        // Into another partition, where there are any.
        await change('"part" = $2::integer', [String(random.between(0, 2))])
        return
    }
  }

  async function insert(client: Client, random: Random, table: GraphTable, place: number): Promise<void> {
    const idType = table.columns.find(({ name }) => name === 'id')?.type ?? 'integer'
    const values = new Map<string, string | null>([
      ['id', idOf(asIdType(idType), number++)],
      ['part', String(random.between(0, 2))],
      ['code', `c${number}`],
    ])
    if (place === graph.root) {
      values
        .set('age', ageAt(random))
        .set('age2', ageAt(random))
        .set('state', random.pick(['done', 'done', 'open']))
    }
    for (const key of graph.keys) {
      if (key.child !== place) continue
      for (const [column, value] of await reference(client, random, key)) {
        // A column of two keys takes what the first of them says, and the second refuses it or not.
        if (!values.has(column)) values.set(column, value)
      }
    }
    const columns = [...values.keys()]
    const cast = columns.map((column, index) => `$${index + 1}::text::${typeOf(table, column)}`)
    await client.query(
      `INSERT INTO ${nameOf(table)} (${columns.map(quoteIdentifier).join(', ')}) VALUES (${cast.join(', ')})`,
      [...values.values()],
    )
  }

  /** The columns of a key with the values of some row that it may lead to, or all NULL. */
  async function reference(client: Client, random: Random, key: GraphKey): Promise<Map<string, string | null>> {
    const parent = graph.tables[key.parent]
    if (parent === undefined) return new Map()
    const columns = key.parentColumns.map((column) => `${quoteIdentifier(column)}::text`)
    const { rows } = await client.query<(string | null)[]>({
      text: `SELECT ${columns.join(', ')} FROM ${nameOf(parent)} ORDER BY random() LIMIT 1`,
      rowMode: 'array',
    })
    const row = random.chance(0.2) ? undefined : rows[0]
    const values = row?.includes(null) ? undefined : row
    return new Map(key.columns.map((column, index) => [column, values?.[index] ?? null]))
  }

  const running = clients.map((client, index) => write(client, new Random(seed, `writer ${index}`)))
  const settled = Promise.allSettled(running)
  return {
    async end() {
      over = true
      const results = await settled
      await Promise.all(clients.map((client) => client.end()))
      for (const result of results) if (result.status === 'rejected') throw result.reason
      return counts
    },
  }
}

async function anyId(client: Client, table: GraphTable): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    `SELECT "id"::text AS id FROM ${nameOf(table)} ORDER BY random() LIMIT 1`,
  )
  return rows[0]?.id ?? '-1'
}

function typeOf(table: GraphTable, column: string): string {
  return table.columns.find(({ name }) => name === column)?.type ?? 'text'
}

/** The column that means nothing to keys and rules. */
function payloadOf({ columns }: GraphTable): string {
  const known = ['id', 'code', 'state']
  return (
    columns.find(({ name, type }) => type === 'text' && !known.includes(name) && !name.startsWith('fk'))?.name ?? ''
  )
}

function asIdType(type: string): IdType {
  return type === 'bigint' || type === 'text' || type === 'uuid' ? type : 'integer'
}

function ageAt(random: Random): string | null {
  return random.pick([...OLD, ...YOUNG, null])
}
