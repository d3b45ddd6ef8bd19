/**
 * What was seeded: one row for each system and schema, changed in the transactions that load and remove the rows, so
 * that it never says more or less than is there. A load or removal that was killed is known by its state.
 */
import { migration, statements } from '../../src/model/migration.ts'

export const seedSets = migration({
  name: '0002_seed_sets',

  async up(knex, { schema }) {
    await statements(
      knex,
      `CREATE TABLE ${schema}.seed_sets (
        system      text NOT NULL,
        schema_name text NOT NULL,
        parameters  jsonb NOT NULL,
        state       text NOT NULL,
        parts       integer NOT NULL,
        parts_done  integer NOT NULL,
        started_at  timestamptz NOT NULL DEFAULT now(),
        loaded_at   timestamptz,
        CONSTRAINT seed_sets_pkey PRIMARY KEY (system, schema_name),
        CONSTRAINT seed_sets_state_known CHECK (state IN ('loading', 'loaded', 'clearing')),
        CONSTRAINT seed_sets_parts CHECK (parts_done BETWEEN 0 AND parts)
      )`,
      `COMMENT ON TABLE ${schema}.seed_sets IS 'Seed data in this database: what made it, and how far it got'`,
      `COMMENT ON COLUMN ${schema}.seed_sets.parameters IS
        'Scale, size, seed, end of the simulated time and artifact root: equal ones give equal rows'`,
    )
  },

  async down(knex, { schema }) {
    await statements(knex, `DROP TABLE ${schema}.seed_sets`)
  },
})
