/**
 * Pull requests and validations (systems/devflow.md, "Pull Requests"; decisions 55 and 57). A task that goes leaves its
 * pull requests, which belong to the project. `validation_results` is the projection of the validations: the last one of
 * each type, `{"unit_tests": {"result": …, "score": …, "validator": …}}`.
 */
import { keepTime } from '../../keep-time.ts'
import { projectOn } from './dependencies.ts'
import { shape } from './functions.ts'

export const pullRequestTables = (s: string): string[] => [
  `CREATE TABLE ${s}.pull_requests (
  id uuid DEFAULT gen_random_uuid() CONSTRAINT pull_requests_pkey PRIMARY KEY,
  task_id uuid CONSTRAINT fk_pull_requests_task REFERENCES ${s}.tasks (id) ON DELETE SET NULL,
  project_id uuid NOT NULL CONSTRAINT fk_pull_requests_project REFERENCES ${s}.projects (id) ON DELETE CASCADE,
  pr_number integer,
  repository_url varchar(500) NOT NULL,
  branch_name varchar(255) NOT NULL,
  base_branch varchar(255) NOT NULL DEFAULT 'main',
  title varchar(500) NOT NULL,
  description text,
  status ${s}.pr_status NOT NULL DEFAULT 'draft',
  pr_url varchar(500),
  commit_sha varchar(40),
  validation_results jsonb NOT NULL DEFAULT '{}',
  review_comments jsonb NOT NULL DEFAULT '[]',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  merged_at timestamptz,
  closed_at timestamptz,
  CONSTRAINT uq_pull_requests_number UNIQUE (repository_url, pr_number),
  CONSTRAINT chk_pull_requests_number CHECK (pr_number > 0),
  CONSTRAINT chk_pull_requests_branches CHECK (branch_name <> base_branch),
  CONSTRAINT chk_pull_requests_commit_sha CHECK (commit_sha ~ '^[0-9a-f]{40}$'),
  ${shape(s, 'pull_requests', 'validation_results', 'object')},
  ${shape(s, 'pull_requests', 'review_comments', 'array')},
  CONSTRAINT chk_pull_requests_merged CHECK ((status = 'merged') = (merged_at IS NOT NULL)),
  CONSTRAINT chk_pull_requests_closed CHECK (
    -- A platform that closes what it merges may say so.
    (status <> 'closed' OR closed_at IS NOT NULL) AND (closed_at IS NULL OR status IN ('closed', 'merged'))
  ),
  CONSTRAINT chk_pull_requests_times CHECK (merged_at >= created_at AND closed_at >= created_at)
)`,
  `CREATE INDEX idx_pull_requests_task_id ON ${s}.pull_requests (task_id)`,
  `CREATE INDEX idx_pull_requests_project_status ON ${s}.pull_requests (project_id, status, created_at DESC)`,
  `CREATE INDEX idx_pull_requests_status ON ${s}.pull_requests (status, created_at DESC)`,
  `CREATE INDEX idx_pull_requests_created_at ON ${s}.pull_requests (created_at DESC, id DESC)`,
  `CREATE INDEX idx_pull_requests_open ON ${s}.pull_requests (updated_at)
  WHERE status IN ('open', 'review_requested', 'approved', 'failed_validation')`,
  keepTime(s, 'pull_requests'),

  `CREATE TABLE ${s}.validations (
  id uuid DEFAULT gen_random_uuid() CONSTRAINT validations_pkey PRIMARY KEY,
  pr_id uuid CONSTRAINT fk_validations_pr REFERENCES ${s}.pull_requests (id) ON DELETE CASCADE,
  task_execution_id uuid
    CONSTRAINT fk_validations_task_execution REFERENCES ${s}.task_executions (id) ON DELETE CASCADE,
  validation_type varchar(100) NOT NULL,
  validator_name varchar(255) NOT NULL,
  result ${s}.validation_result NOT NULL,
  details jsonb NOT NULL DEFAULT '{}',
  score double precision,
  suggestions jsonb NOT NULL DEFAULT '[]',
  execution_time_ms integer,
  started_at timestamptz,
  completed_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT chk_validations_subject CHECK (pr_id IS NOT NULL OR task_execution_id IS NOT NULL),
  CONSTRAINT chk_validations_type CHECK (btrim(validation_type) <> ''),
  CONSTRAINT chk_validations_score CHECK (score BETWEEN 0 AND 100),
  ${shape(s, 'validations', 'details', 'object')},
  ${shape(s, 'validations', 'suggestions', 'array')},
  CONSTRAINT chk_validations_execution_time CHECK (execution_time_ms >= 0),
  CONSTRAINT chk_validations_times CHECK (completed_at >= started_at)
)`,
  `CREATE INDEX idx_validations_pr_id ON ${s}.validations (pr_id, created_at DESC)`,
  `CREATE INDEX idx_validations_task_execution_id ON ${s}.validations (task_execution_id)`,
  `CREATE INDEX idx_validations_type_result ON ${s}.validations (validation_type, result)`,
  `CREATE INDEX idx_validations_created_at ON ${s}.validations (created_at DESC, id DESC)`,
  keepTime(s, 'validations'),
  projectValidations(s),
  ...(['INSERT', 'UPDATE', 'DELETE'] as const).map((event) => projectOn(s, 'validations', event)),
]

/** As `project_dependencies`: once a statement, and only pull requests whose projection is another. */
function projectValidations(s: string): string {
  return `CREATE FUNCTION ${s}.project_validations() RETURNS trigger
LANGUAGE plpgsql AS $body$
DECLARE
  touched uuid[];
BEGIN
  IF TG_OP = 'UPDATE' THEN
    touched := ARRAY(
      SELECT pr_id FROM changed WHERE pr_id IS NOT NULL
      UNION
      SELECT pr_id FROM replaced WHERE pr_id IS NOT NULL
    );
  ELSE
    touched := ARRAY(SELECT DISTINCT pr_id FROM changed WHERE pr_id IS NOT NULL);
  END IF;
  PERFORM FROM ${s}.pull_requests WHERE id = ANY (touched) ORDER BY id FOR NO KEY UPDATE;
  UPDATE ${s}.pull_requests AS pr
  SET validation_results = projected.results
  FROM (
    SELECT
      each.id,
      coalesce(
        jsonb_object_agg(
          last.validation_type,
          jsonb_build_object('result', last.result, 'score', last.score, 'validator', last.validator_name)
        ) FILTER (WHERE last.validation_type IS NOT NULL),
        '{}'
      ) AS results
    FROM unnest(touched) AS each (id)
    LEFT JOIN LATERAL (
      SELECT DISTINCT ON (validation_type) validation_type, result, score, validator_name
      FROM ${s}.validations
      WHERE pr_id = each.id
      ORDER BY validation_type, coalesce(completed_at, created_at) DESC, id DESC
    ) AS last ON true
    GROUP BY each.id
  ) AS projected
  WHERE pr.id = projected.id
    AND pr.validation_results IS DISTINCT FROM projected.results;
  RETURN NULL;
END
$body$`
}
