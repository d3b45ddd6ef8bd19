/**
 * What retention needs to remember: who maintains what (leases), what was moved where (archive batches), where a run
 * ended (cursors), and which files are due. All of it is changed in the transactions that change the data, so it never
 * says more or less than is so.
 */
import { migration, statements } from '../../src/model/migration.ts'

export const maintenance = migration({
  name: '0003_maintenance',

  async up(knex, { schema }) {
    await statements(
      knex,
      // A row for ever for each thing that may be held: the token only grows, so a holder that was thought dead and
      // comes back is told from its successor.
      `CREATE TABLE ${schema}.leases (
        name         text NOT NULL,
        token        bigint NOT NULL,
        command      text NOT NULL,
        os_user      text NOT NULL,
        host         text NOT NULL,
        pid          integer NOT NULL,
        taken_at     timestamptz NOT NULL,
        heartbeat_at timestamptz NOT NULL,
        expires_at   timestamptz NOT NULL,
        released_at  timestamptz,
        CONSTRAINT leases_pkey PRIMARY KEY (name),
        CONSTRAINT leases_token_positive CHECK (token > 0)
      )`,
      `COMMENT ON TABLE ${schema}.leases IS 'Who may move or delete data at the moment, one row for each schema'`,

      `CREATE TABLE ${schema}.archive_batches (
        batch_id     bigint GENERATED ALWAYS AS IDENTITY,
        run_id       bigint NOT NULL,
        lease_token  bigint NOT NULL,
        schema_name  text NOT NULL,
        root_table   text NOT NULL,
        rule         text NOT NULL,
        archived_at  timestamptz NOT NULL DEFAULT now(),
        oldest       timestamptz,
        newest       timestamptz,
        roots        bigint NOT NULL,
        state        text NOT NULL DEFAULT 'archived',
        cold_uri     text,
        cold_sha256  text,
        exported_at  timestamptz,
        released_at  timestamptz,
        CONSTRAINT archive_batches_pkey PRIMARY KEY (batch_id),
        CONSTRAINT archive_batches_state_known CHECK (state IN ('archived', 'cold', 'restored')),
        CONSTRAINT archive_batches_cold_has_files
          CHECK (state <> 'cold' OR (cold_uri IS NOT NULL AND cold_sha256 IS NOT NULL AND released_at IS NOT NULL)),
        CONSTRAINT archive_batches_roots_not_negative CHECK (roots >= 0)
      )`,
      `COMMENT ON TABLE ${schema}.archive_batches IS 'Aggregates that were moved out of their tables together'`,
      `COMMENT ON COLUMN ${schema}.archive_batches.state IS
        'archived: rows lie in the archive tables; cold: in files only; restored: nothing of it is left'`,
      `COMMENT ON COLUMN ${schema}.archive_batches.oldest IS 'Least age instant of its aggregates; newest the greatest'`,
      `COMMENT ON COLUMN ${schema}.archive_batches.cold_sha256 IS 'Of the manifest, which has those of the files'`,
      `CREATE INDEX archive_batches_rule ON ${schema}.archive_batches (schema_name, rule, archived_at)`,
      `CREATE INDEX archive_batches_run ON ${schema}.archive_batches (run_id)`,
      `CREATE INDEX archive_batches_to_export ON ${schema}.archive_batches (archived_at) WHERE state = 'archived'`,

      // The digest is a sum, so rows that are restored are taken off it again.
      `CREATE TABLE ${schema}.archive_batch_tables (
        batch_id   bigint NOT NULL,
        table_name text NOT NULL,
        rows       bigint NOT NULL,
        digest     numeric NOT NULL,
        columns    text[] NOT NULL,
        CONSTRAINT archive_batch_tables_pkey PRIMARY KEY (batch_id, table_name),
        CONSTRAINT fk_archive_batch_tables_batch FOREIGN KEY (batch_id)
          REFERENCES ${schema}.archive_batches (batch_id) ON DELETE CASCADE,
        CONSTRAINT archive_batch_tables_rows_not_negative CHECK (rows >= 0)
      )`,
      `COMMENT ON TABLE ${schema}.archive_batch_tables IS
        'Rows of a batch that are in the archive, by table: how many, and the digest of what they hold'`,
      `COMMENT ON COLUMN ${schema}.archive_batch_tables.columns IS 'Columns that the digest covers, in its order'`,

      // References that rule and schema let go of (ON DELETE SET NULL): restoring puts them back.
      `CREATE TABLE ${schema}.archive_detached (
        batch_id        bigint NOT NULL,
        constraint_name text NOT NULL,
        schema_name     text NOT NULL,
        table_name      text NOT NULL,
        row_key         jsonb NOT NULL,
        reference       jsonb NOT NULL,
        CONSTRAINT archive_detached_pkey PRIMARY KEY (batch_id, constraint_name, row_key),
        CONSTRAINT fk_archive_detached_batch FOREIGN KEY (batch_id)
          REFERENCES ${schema}.archive_batches (batch_id) ON DELETE CASCADE
      )`,
      `COMMENT ON TABLE ${schema}.archive_detached IS
        'Rows that stayed and lost a reference to an archived one: their key, and the columns as they were'`,

      `CREATE TABLE ${schema}.retention_cursors (
        schema_name text NOT NULL,
        rule        text NOT NULL,
        position    jsonb NOT NULL,
        run_id      bigint NOT NULL,
        lease_token bigint NOT NULL,
        moved_at    timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT retention_cursors_pkey PRIMARY KEY (schema_name, rule)
      )`,
      `COMMENT ON TABLE ${schema}.retention_cursors IS
        'Where a rule goes on: behind the rows that it has moved or kept back; none when it begins anew'`,

      // One row for each job of each run, so that success, speed and backlog of a job can be asked for.
      `CREATE TABLE ${schema}.job_runs (
        run_id      bigint NOT NULL,
        job         text NOT NULL,
        started_at  timestamptz NOT NULL DEFAULT now(),
        ended_at    timestamptz,
        outcome     text,
        rows        bigint NOT NULL DEFAULT 0,
        bytes       bigint NOT NULL DEFAULT 0,
        batches     bigint NOT NULL DEFAULT 0,
        kept        jsonb NOT NULL DEFAULT '[]',
        reason      text,
        CONSTRAINT job_runs_pkey PRIMARY KEY (run_id, job),
        CONSTRAINT fk_job_runs_run FOREIGN KEY (run_id) REFERENCES ${schema}.journal (run_id) ON DELETE CASCADE,
        CONSTRAINT job_runs_outcome_known
          CHECK (outcome IN ('done', 'nothing', 'partial', 'unfinished', 'interrupted', 'failed', 'lost')),
        CONSTRAINT job_runs_ended_with_outcome CHECK ((ended_at IS NULL) = (outcome IS NULL))
      )`,
      `COMMENT ON TABLE ${schema}.job_runs IS 'What each job of a maintenance run did, kept up to date batch by batch'`,
      `CREATE INDEX job_runs_job ON ${schema}.job_runs (job, started_at)`,

      // What tells them apart leads the key, so that one mark is found by itself.
      `ALTER TABLE ${schema}.artifact_tombstones
        DROP CONSTRAINT artifact_tombstones_pkey,
        ADD CONSTRAINT artifact_tombstones_pkey PRIMARY KEY (artifact_id, entity, schema_name, system)`,

      // A file may be due with its row still there (the mark comes first, the row goes last), and may fail to go.
      `ALTER TABLE ${schema}.artifact_tombstones
        ADD COLUMN row_stays  boolean NOT NULL DEFAULT false,
        ADD COLUMN run_id     bigint,
        ADD COLUMN attempts   integer NOT NULL DEFAULT 0,
        ADD COLUMN tried_at   timestamptz,
        ADD COLUMN last_error text`,
      `COMMENT ON COLUMN ${schema}.artifact_tombstones.row_stays IS
        'The row is there until the file is gone; false where the row went first'`,
      // Hash: a URI may be longer than a B-tree takes.
      `CREATE INDEX artifact_tombstones_uri ON ${schema}.artifact_tombstones USING hash (uri)`,

      // Marks are made by the hundred thousand: a row a batch costs nothing beside the files. What of a batch is left
      // over, or was when its run was killed, gets marks of its own. Lists that are read once are not worth packing.
      `CREATE TABLE ${schema}.artifact_batches (
        batch_id    bigint GENERATED ALWAYS AS IDENTITY,
        system      text NOT NULL,
        schema_name text NOT NULL,
        entity      text NOT NULL,
        run_id      bigint NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        why         text NOT NULL,
        ids         text[] NOT NULL,
        uris        text[] NOT NULL,
        bytes       bigint[] NOT NULL,
        CONSTRAINT artifact_batches_pkey PRIMARY KEY (batch_id),
        CONSTRAINT artifact_batches_lists_match
          CHECK (cardinality(uris) = cardinality(ids) AND cardinality(bytes) = cardinality(ids))
      )`,
      `ALTER TABLE ${schema}.artifact_batches
        ALTER COLUMN ids SET STORAGE EXTERNAL,
        ALTER COLUMN uris SET STORAGE EXTERNAL,
        ALTER COLUMN bytes SET STORAGE EXTERNAL`,
      `COMMENT ON TABLE ${schema}.artifact_batches IS
        'Files that were marked together and whose rows are there until they are gone, one row a batch in hand'`,
      `COMMENT ON COLUMN ${schema}.artifact_batches.ids IS 'Keys of the rows; uris and bytes are in the same order'`,

      // Files of archived rows are nobody's orphans, also when the rows lie in cold files only.
      `CREATE TABLE ${schema}.archived_files (
        batch_id    bigint NOT NULL,
        artifact_id text NOT NULL,
        uri         text NOT NULL,
        bytes       bigint,
        CONSTRAINT archived_files_pkey PRIMARY KEY (batch_id, artifact_id),
        CONSTRAINT fk_archived_files_batch FOREIGN KEY (batch_id)
          REFERENCES ${schema}.archive_batches (batch_id) ON DELETE CASCADE
      )`,
      `COMMENT ON TABLE ${schema}.archived_files IS 'Files of rows that lie in cold files only'`,
      `CREATE INDEX archived_files_uri ON ${schema}.archived_files USING hash (uri)`,
    )
  },

  async down(knex, { schema }) {
    await statements(
      knex,
      `DROP TABLE ${schema}.artifact_batches`,
      `DROP TABLE ${schema}.archived_files`,
      `DROP INDEX ${schema}.artifact_tombstones_uri`,
      `ALTER TABLE ${schema}.artifact_tombstones
        DROP CONSTRAINT artifact_tombstones_pkey,
        ADD CONSTRAINT artifact_tombstones_pkey PRIMARY KEY (system, schema_name, entity, artifact_id)`,
      `ALTER TABLE ${schema}.artifact_tombstones
        DROP COLUMN row_stays,
        DROP COLUMN run_id,
        DROP COLUMN attempts,
        DROP COLUMN tried_at,
        DROP COLUMN last_error`,
      `DROP TABLE ${schema}.job_runs`,
      `DROP TABLE ${schema}.retention_cursors`,
      `DROP TABLE ${schema}.archive_detached`,
      `DROP TABLE ${schema}.archive_batch_tables`,
      `DROP TABLE ${schema}.archive_batches`,
      `DROP TABLE ${schema}.leases`,
    )
  },
})
