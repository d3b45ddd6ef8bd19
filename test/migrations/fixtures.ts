/** Small migrations for the runner's tests; a schema name of their own shows that mapping works. */

import type { SystemMigrations } from '../../src/migrations/source.ts'
import { type Migration, migration, statements } from '../../src/model/migration.ts'

export const things = migration({
  name: '0001_things',
  async up(knex, { schema }) {
    await statements(
      knex,
      `CREATE TABLE ${schema}.things (
        thing_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name     text NOT NULL,
        settings jsonb NOT NULL DEFAULT '{}'
      )`,
      `CREATE INDEX things_name ON ${schema}.things (name)`,
    )
  },
  async down(knex, { schema }) {
    await statements(knex, `DROP TABLE ${schema}.things`)
  },
})

/** JSONB operators are question marks, which Knex takes for placeholders unless told otherwise. */
export const jsonOperators = migration({
  name: '0002_json_operators',
  async up(knex, { schema }) {
    await statements(
      knex,
      `ALTER TABLE ${schema}.things
         ADD COLUMN note text,
         ADD CONSTRAINT things_settings_known CHECK (NOT settings ? 'secret' AND NOT settings ?| ARRAY['a?', 'b'])`,
      `CREATE FUNCTION ${schema}.touch() RETURNS trigger LANGUAGE plpgsql AS $body$
       BEGIN
         -- $1 is no parameter here; it's text
         NEW.note := coalesce(NEW.note, 'why?');
         RETURN NEW;
       END $body$`,
      `CREATE TRIGGER things_touch BEFORE INSERT ON ${schema}.things FOR EACH ROW EXECUTE FUNCTION ${schema}.touch()`,
    )
    // Through the query builder, with bound values.
    await knex('things')
      .withSchema('elsewhere')
      .insert({ name: "it's \\ bound?", settings: { depth: 2 } })
  },
  async down(knex, { schema }) {
    await statements(
      knex,
      `DROP TRIGGER things_touch ON ${schema}.things`,
      `DROP FUNCTION ${schema}.touch()`,
      `ALTER TABLE ${schema}.things DROP CONSTRAINT things_settings_known, DROP COLUMN note`,
    )
  },
})

export const parts = migration({
  name: '0003_parts',
  async up(knex, { schema }) {
    await statements(knex, `CREATE TABLE ${schema}.parts (part_id integer PRIMARY KEY, label text)`)
  },
  async down(knex, { schema }) {
    await statements(knex, `DROP TABLE ${schema}.parts`)
  },
})

export const concurrentIndex = migration({
  name: '0004_concurrent_index',
  transaction: false,
  async up(knex, { schema }) {
    await statements(knex, `CREATE INDEX CONCURRENTLY parts_label ON ${schema}.parts (label)`)
  },
  async down(knex, { schema }) {
    await statements(knex, `DROP INDEX CONCURRENTLY ${schema}.parts_label`)
  },
})

/** Does half of its work, then fails. */
export const broken = migration({
  name: '0003_broken',
  async up(knex, { schema }) {
    await statements(
      knex,
      `CREATE TABLE ${schema}.half (half_id integer)`,
      `CREATE TABLE ${schema}.other (other_id no_such_type)`,
    )
  },
  async down() {},
})

export function toys(...migrations: readonly Migration[]): SystemMigrations {
  return { system: 'toys', schema: 'elsewhere', migrations }
}

export const allToys = toys(things, jsonOperators, parts, concurrentIndex)

/** Makes a table, then waits until the test has opened the gate (or never). */
const slow = migration({
  name: '0002_slow',
  async up(knex, { schema }) {
    await statements(
      knex,
      `CREATE TABLE ${schema}.before_the_gate (id integer)`,
      `DO $$ BEGIN
         WHILE NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'gate') LOOP PERFORM pg_sleep(0.02); END LOOP;
       END $$`,
      `CREATE TABLE ${schema}.after_the_gate (id integer)`,
    )
  },
  async down(knex, { schema }) {
    await statements(knex, `DROP TABLE ${schema}.after_the_gate, ${schema}.before_the_gate`)
  },
})

export const slowToys = toys(things, slow)

/** The same wait without a transaction around it. */
export const slowOutside = migration({
  name: '0002_slow_outside',
  transaction: false,
  async up(knex) {
    await statements(
      knex,
      `DO $$ BEGIN
         WHILE NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'gate') LOOP PERFORM pg_sleep(0.02); END LOOP;
       END $$`,
    )
  },
  async down() {},
})
