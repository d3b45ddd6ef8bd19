/**
 * Artifacts and screenshots (systems/skyvern.md, 1.5; decisions 9 and 17). Artifacts go with their task, step or
 * run: whoever deletes those records the files first (decision 20). A screenshot is how an artifact appears in a
 * step; it always has one, so that every file is known through `artifacts` alone, and goes with it.
 */
export const artifactTables = (s: string): string[] => [
  `CREATE TABLE ${s}.artifacts (
  artifact_id text DEFAULT ${s}.next_id('a') CONSTRAINT artifacts_pkey PRIMARY KEY,
  task_id text CONSTRAINT fk_artifacts_task REFERENCES ${s}.tasks (task_id) ON DELETE CASCADE,
  step_id text CONSTRAINT fk_artifacts_step REFERENCES ${s}.steps (step_id) ON DELETE CASCADE,
  workflow_run_id text CONSTRAINT fk_artifacts_workflow_run
    REFERENCES ${s}.workflow_runs (workflow_run_id) ON DELETE CASCADE,
  organization_id text NOT NULL
    CONSTRAINT fk_artifacts_organization REFERENCES ${s}.organizations (organization_id) ON DELETE CASCADE,
  artifact_type ${s}.artifact_type NOT NULL,
  uri text NOT NULL,
  signed_url text,
  file_size_bytes bigint,
  content_type text,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT check_file_size CHECK (file_size_bytes >= 0)
)`,
  `CREATE INDEX ix_artifacts_task_id ON ${s}.artifacts (task_id)`,
  `CREATE INDEX ix_artifacts_step_id ON ${s}.artifacts (step_id)`,
  `CREATE INDEX ix_artifacts_workflow_run_id ON ${s}.artifacts (workflow_run_id)`,
  `CREATE INDEX ix_artifacts_organization_id ON ${s}.artifacts (organization_id)`,
  `CREATE INDEX ix_artifacts_artifact_type ON ${s}.artifacts (artifact_type)`,
  `CREATE INDEX ix_artifacts_created_at ON ${s}.artifacts (created_at)`,

  `CREATE TABLE ${s}.screenshots (
  screenshot_id text DEFAULT ${s}.next_id('scr') CONSTRAINT screenshots_pkey PRIMARY KEY,
  step_id text NOT NULL CONSTRAINT fk_screenshots_step REFERENCES ${s}.steps (step_id) ON DELETE CASCADE,
  artifact_id text NOT NULL
    CONSTRAINT fk_screenshots_artifact REFERENCES ${s}.artifacts (artifact_id) ON DELETE CASCADE,
  uri text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
)`,
  `CREATE INDEX ix_screenshots_step_id ON ${s}.screenshots (step_id)`,
  `CREATE INDEX ix_screenshots_artifact_id ON ${s}.screenshots (artifact_id)`,
  `CREATE INDEX ix_screenshots_created_at ON ${s}.screenshots (created_at)`,
]
