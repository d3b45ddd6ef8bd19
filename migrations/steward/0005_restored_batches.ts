/** When rows of an archive batch were last restored: what is left of such a batch waits for others. */
import { migration, statements } from '../../src/model/migration.ts'

export const restoredBatches = migration({
  name: '0005_restored_batches',

  async up(knex, { schema }) {
    await statements(
      knex,
      `ALTER TABLE ${schema}.archive_batches ADD COLUMN restored_at timestamptz`,
      `COMMENT ON COLUMN ${schema}.archive_batches.restored_at IS
        'When rows of it were last brought back; NULL as long as it is whole'`,
      // As far as the counts tell it of batches that were restored before.
      `UPDATE ${schema}.archive_batches AS b
      SET restored_at = now()
      WHERE b.state = 'restored'
        OR b.roots > COALESCE(
          (
            SELECT t.rows
            FROM ${schema}.archive_batch_tables AS t
            WHERE t.batch_id = b.batch_id
              AND t.table_name = b.root_table
          ),
          0
        )`,
    )
  },

  async down(knex, { schema }) {
    await statements(knex, `ALTER TABLE ${schema}.archive_batches DROP COLUMN restored_at`)
  },
})
