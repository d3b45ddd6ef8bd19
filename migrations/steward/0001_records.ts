/**
 * Steward's own records in schema `steward` (design, "Database conventions"): the environment marker, the journal of
 * runs, the audit log and the artifact tombstones.
 */
import { migration, statements } from '../../src/model/migration.ts'

export const records = migration({
  name: '0001_records',

  async up(knex, { schema }) {
    await statements(
      knex,
      `CREATE SCHEMA IF NOT EXISTS ${schema}`,

      // One row at most: the primary key admits a single value.
      `CREATE TABLE ${schema}.environment (
        only_row boolean NOT NULL DEFAULT true,
        name     text NOT NULL,
        set_at   timestamptz NOT NULL DEFAULT now(),
        set_by   text NOT NULL,
        CONSTRAINT environment_pkey PRIMARY KEY (only_row),
        CONSTRAINT environment_one_row CHECK (only_row),
        CONSTRAINT environment_name_known CHECK (name IN ('development', 'staging', 'production'))
      )`,
      `COMMENT ON TABLE ${schema}.environment IS
        'What this database is for; commands ask for more before they touch production'`,

      // A run in progress has no outcome. Its session holds the advisory lock of its run_id, so a run whose
      // lock nobody holds was killed.
      `CREATE TABLE ${schema}.journal (
        run_id      bigint GENERATED ALWAYS AS IDENTITY,
        command     text NOT NULL,
        arguments   jsonb NOT NULL,
        os_user     text NOT NULL,
        host        text NOT NULL,
        db_user     text NOT NULL,
        pid         integer NOT NULL,
        backend_pid integer,
        started_at  timestamptz NOT NULL DEFAULT now(),
        ended_at    timestamptz,
        outcome     text,
        exit_code   integer,
        plan        jsonb,
        counts      jsonb,
        reason      text,
        CONSTRAINT journal_pkey PRIMARY KEY (run_id),
        CONSTRAINT journal_outcome_known
          CHECK (outcome IN ('done', 'partial', 'unfinished', 'interrupted', 'failed', 'lost')),
        CONSTRAINT journal_ended_with_outcome CHECK ((ended_at IS NULL) = (outcome IS NULL))
      )`,
      `COMMENT ON TABLE ${schema}.journal IS 'Every run of Steward that changed something'`,
      `COMMENT ON COLUMN ${schema}.journal.backend_pid IS
        'Backend that holds the advisory lock of the run; null behind a transaction pooler'`,
      `COMMENT ON COLUMN ${schema}.journal.reason IS 'Why the run ended as it did, when it was not simply done'`,
      `CREATE INDEX journal_started_at ON ${schema}.journal (started_at)`,
      `CREATE INDEX journal_running ON ${schema}.journal (run_id) WHERE outcome IS NULL`,

      `CREATE TABLE ${schema}.audit_log (
        audit_id  bigint GENERATED ALWAYS AS IDENTITY,
        at        timestamptz NOT NULL DEFAULT now(),
        os_user   text NOT NULL,
        host      text NOT NULL,
        db_user   text NOT NULL,
        command   text NOT NULL,
        arguments jsonb NOT NULL,
        reason    text,
        system    text NOT NULL,
        entity    text NOT NULL,
        action    text NOT NULL,
        row_id    text NOT NULL,
        before    jsonb,
        after     jsonb,
        CONSTRAINT audit_log_pkey PRIMARY KEY (audit_id)
      )`,
      `COMMENT ON TABLE ${schema}.audit_log IS
        'Every row changed through Steward, as it was and as it became, secrets masked'`,
      `CREATE INDEX audit_log_row ON ${schema}.audit_log (system, entity, row_id)`,
      `CREATE INDEX audit_log_at ON ${schema}.audit_log (at)`,

      `CREATE TABLE ${schema}.artifact_tombstones (
        system      text NOT NULL,
        schema_name text NOT NULL,
        entity      text NOT NULL,
        artifact_id text NOT NULL,
        uri         text NOT NULL,
        bytes       bigint,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        why         text NOT NULL,
        CONSTRAINT artifact_tombstones_pkey PRIMARY KEY (system, schema_name, entity, artifact_id)
      )`,
      `COMMENT ON TABLE ${schema}.artifact_tombstones IS
        'Files due for deletion because the rows that stood for them are gone'`,
      `CREATE INDEX artifact_tombstones_recorded_at ON ${schema}.artifact_tombstones (recorded_at)`,
    )
  },

  // The schema stays: the migrations' own bookkeeping lives in it.
  async down(knex, { schema }) {
    await statements(
      knex,
      `DROP TABLE ${schema}.artifact_tombstones`,
      `DROP TABLE ${schema}.audit_log`,
      `DROP TABLE ${schema}.journal`,
      `DROP TABLE ${schema}.environment`,
    )
  },
})
