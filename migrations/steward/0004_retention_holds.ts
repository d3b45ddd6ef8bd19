/**
 * Rows that retention leaves alone for a while although a rule covers them: those that somebody brought back from the
 * archive would otherwise go again in the next night.
 */
import { migration, statements } from '../../src/model/migration.ts'

export const retentionHolds = migration({
  name: '0004_retention_holds',

  async up(knex, { schema }) {
    await statements(
      knex,
      // The key as text, in the order of the key's columns: `["tsk_1"]`.
      `CREATE TABLE ${schema}.retention_holds (
        schema_name text NOT NULL,
        table_name  text NOT NULL,
        row_key     jsonb NOT NULL,
        until       timestamptz NOT NULL,
        run_id      bigint NOT NULL,
        reason      text,
        held_at     timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT retention_holds_pkey PRIMARY KEY (schema_name, table_name, row_key)
      )`,
      `COMMENT ON TABLE ${schema}.retention_holds IS 'Rows that retention rules leave alone until then'`,
      `COMMENT ON COLUMN ${schema}.retention_holds.row_key IS
        'The values of the primary key as a JSON array of texts, in the order of its columns'`,
    )
  },

  async down(knex, { schema }) {
    await statements(knex, `DROP TABLE ${schema}.retention_holds`)
  },
})
