/** The compiled-in migrations, through the runner: planned, applied, taken back, applied again. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { migrationsOf } from '../../src/commands/migrate/scope.ts'
import type { Database } from '../../src/db/database.ts'
import { applyPending } from '../../src/migrations/apply.ts'
import { planMigrations } from '../../src/migrations/plan.ts'
import { rollBack } from '../../src/migrations/rollback.ts'
import { migrationStatus } from '../../src/migrations/status.ts'
import { raw, sql } from '../../src/model/sql.ts'
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
beforeEach(async () => {
  database = await createEmptyDatabase()
})
afterEach(() => database.drop())

/** Every relation, column, constraint, index, function, type and trigger of the migrated schemas, as text. */
function catalog(db: Database): Promise<{ readonly what: string }[]> {
  return db.rows(sql`
    WITH mine AS (SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public'))
    SELECT format('column %s.%s %s %s %s', c.oid::regclass, a.attname, format_type(a.atttypid, a.atttypmod),
                  a.attnotnull, pg_get_expr(d.adbin, d.adrelid)) AS what
    FROM pg_attribute AS a
    JOIN pg_class AS c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'v', 'm')
    LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE c.relnamespace IN (SELECT oid FROM mine) AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT format('constraint %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE connamespace IN (SELECT oid FROM mine)
    UNION ALL
    SELECT format('index %s %s', indexrelid::regclass, pg_get_indexdef(indexrelid))
    FROM pg_index WHERE indrelid IN (SELECT oid FROM pg_class WHERE relnamespace IN (SELECT oid FROM mine))
    UNION ALL
    SELECT format('function %s', pg_get_functiondef(oid))
    FROM pg_proc WHERE pronamespace IN (SELECT oid FROM mine) AND prokind IN ('f', 'p')
    UNION ALL
    SELECT format('trigger %s', pg_get_triggerdef(oid)) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT format('type %s %s', t.oid::regtype, string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder))
    FROM pg_type AS t JOIN pg_enum AS e ON e.enumtypid = t.oid WHERE t.typnamespace IN (SELECT oid FROM mine)
    GROUP BY t.oid
    ORDER BY what`)
}

describe('the compiled-in migrations', () => {
  it('lead to the same catalog whether they are run, or planned and the plan is executed', async () => {
    const { db } = database
    const systems = await migrationsOf({ schemas: { skyvern: 'Bots' } })
    const plan = await planMigrations(db, { direction: 'up', systems })
    expect(plan.map(({ system }) => system)).toContain('skyvern')
    await db.session(async (session) => {
      for (const { statements } of plan) for (const { text } of statements) await session.rows(raw(text))
    })
    const conditions = (await migrationStatus(db, systems)).map(({ condition }) => condition)
    expect(new Set(conditions)).toEqual(new Set(['applied']))

    const other = await createEmptyDatabase()
    try {
      expect((await applyPending({ db: other.db, systems })).failure).toBeUndefined()
      expect(await catalog(db)).toEqual(await catalog(other.db))
      expect(await other.db.rows(sql`SELECT name FROM steward.environment`)).toEqual([{ name: 'development' }])
    } finally {
      await other.drop()
    }
  })

  it('can all be taken back, leaving only the records, and applied again', async () => {
    const { db } = database
    const systems = await migrationsOf({ schemas: {} })
    await applyPending({ db, systems })
    const whole = await catalog(db)
    for (const system of [...systems].reverse()) {
      const { failure } = await rollBack({ db, system, count: 1000, force: true })
      expect(failure).toBeUndefined()
    }
    const left = (await catalog(db)).filter(({ what }) => !what.includes('steward_migrations'))
    expect(left).toEqual([])
    expect((await applyPending({ db, systems })).failure).toBeUndefined()
    expect(await catalog(db)).toEqual(whole)
  })

  it('mark the environment that the profile names, and leave a marker that is there', async () => {
    const { db } = database
    const systems = await migrationsOf({ schemas: {} }, ['steward'])
    await applyPending({ db, systems, environment: 'production', markedBy: 'ops@host' })
    await applyPending({ db, systems, environment: 'staging' })
    expect(await db.rows(sql`SELECT name, set_by FROM steward.environment`)).toEqual([
      { name: 'production', set_by: 'ops@host' },
    ])
  })
})
