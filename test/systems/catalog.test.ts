/** The migrated schema of every system is what its entities declare, no more and no less. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { indexes as indexesOf } from '../../src/db/catalog.ts'
import { describeDeclarations } from '../../src/schema/declared.ts'
import type { SchemaDescription } from '../../src/schema/description.ts'
import { describeIndex, describeLive } from '../../src/schema/live.ts'
import { systems } from '../../src/systems/registry.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database?.drop())

const loaded = await Promise.all(systems.map(({ load }) => load()))

describe.each(loaded)('the migrated schema of $name', (system) => {
  const declared = describeDeclarations(system, system.name)
  let live: SchemaDescription

  beforeAll(async () => {
    live = await describeLive(database.db, system.name)
  })

  it('has exactly the declared tables', () => {
    expect(Object.keys(live.tables).sort()).toEqual(Object.keys(declared.tables).sort())
  })

  it.each(Object.keys(declared.tables))('has %s as declared: columns, keys, checks, indexes, triggers', (table) => {
    expect(live.tables[table]).toEqual(declared.tables[table])
  })

  it('has exactly the declared enum types, labels in order, sequences, functions and views, and nothing else', () => {
    const { tables: _, ...rest } = live
    const { tables: __, ...promised } = declared
    expect(rest).toEqual(promised)
  })

  it('gives every foreign key an index that leads with it, and no index twice', async () => {
    const indexes = (await indexesOf(database.db, system.name)).filter(({ valid }) => valid)
    const faults: string[] = []
    for (const [name, { foreignKeys }] of Object.entries(live.tables)) {
      const own = indexes.filter(({ table }) => table === name).map(describeIndex)
      for (const [column] of Object.values(foreignKeys).map(({ on }) => on)) {
        // A predicate that the key's own lookups imply does no harm: they never ask for NULL.
        const leads = own.some(
          ({ on, where }) => on[0] === column && (where === null || where === `(${column} IS NOT NULL)`),
        )
        if (!leads) faults.push(`${name}.${column} has no index`)
      }
      const shapes = own.map(({ on, method, where }) => JSON.stringify({ on, method, where }))
      const twice = shapes.filter((shape, place) => shapes.indexOf(shape) !== place)
      faults.push(...twice.map((shape) => `${name} has twice ${shape}`))
    }
    expect(faults).toEqual([])
  })

  it('keeps the time of the last change by a trigger wherever there is one, and fills every time of creation', () => {
    for (const { table, fields, triggers } of system.entities) {
      for (const key of ['updated_at', 'modified_at'].filter((name) => name in fields)) {
        expect(fields[key], `${table}.${key}`).toMatchObject({ nullable: false, default: 'now()', settable: 'never' })
        expect(triggers, table).toContain(`${table}_set_${key}`)
      }
      if ('created_at' in fields)
        expect(fields.created_at, table).toMatchObject({ nullable: false, default: 'now()' })
    }
  })
})
