/**
 * Validations of pull requests and executions (decisions 54, 55, 57). They are facts: created, read, never changed. One
 * that failed takes its pull request to failed_validation where that is a way on from its state.
 */
import { reaches } from '../../../model/checks.ts'
import { endsNotBeforeStart, entity } from '../../../model/entity.ts'
import {
  createdAt,
  enumeration,
  float,
  integer,
  json,
  reference,
  timestamp,
  updatedAt,
  uuidId,
  varchar,
} from '../../../model/field.ts'
import { VALIDATION_RESULTS, VALUES } from '../operations/record-validation.ts'
import { resultTones } from '../tones.ts'
import { notEnded } from './creation-rules.ts'
import { jsonShape } from './json.ts'

const once = { settable: 'create' } as const

export const validation = entity({
  name: 'validation',
  table: 'validations',
  summary: 'What validators found in pull requests and executions',
  primaryKey: 'id',
  fields: {
    id: uuidId('validation id'),
    pr_id: reference('pull-request', 'id', {
      kind: 'uuid',
      summary: 'pull request that was validated',
      onDelete: 'cascade',
      nullable: true,
      ...once,
    }),
    task_execution_id: reference('execution', 'id', {
      kind: 'uuid',
      summary: 'execution that was validated',
      onDelete: 'cascade',
      nullable: true,
      ...once,
    }),
    validation_type: varchar(100, { summary: VALUES.validation_type.summary, ...once }),
    validator_name: varchar(255, { summary: VALUES.validator_name.summary, ...once }),
    result: enumeration('validation_result', VALIDATION_RESULTS, {
      summary: VALUES.result.summary,
      tones: resultTones,
      ...once,
    }),
    details: json({ summary: VALUES.details.summary, default: "'{}'::jsonb", rules: VALUES.details.rules, ...once }),
    score: float({ summary: VALUES.score.summary, nullable: true, rules: VALUES.score.rules, ...once }),
    suggestions: json({
      summary: VALUES.suggestions.summary,
      default: "'[]'::jsonb",
      rules: VALUES.suggestions.rules,
      ...once,
    }),
    execution_time_ms: integer({
      summary: VALUES.execution_time_ms.summary,
      unit: 'milliseconds',
      nullable: true,
      rules: VALUES.execution_time_ms.rules,
      ...once,
    }),
    started_at: timestamp({ summary: VALUES.started_at.summary, nullable: true, ...once }),
    completed_at: timestamp({ summary: VALUES.completed_at.summary, nullable: true, ...once }),
    created_at: createdAt(),
    updated_at: updatedAt(),
  },
  checks: [
    {
      name: 'chk_validations_subject',
      expression: '((pr_id IS NOT NULL) OR (task_execution_id IS NOT NULL))',
      says: 'must be given, or task_execution_id',
      fields: ['pr_id'],
    },
    {
      name: 'chk_validations_type',
      expression: "(btrim((validation_type)::text) <> ''::text)",
      says: 'must not be blank',
      fields: ['validation_type'],
    },
    {
      name: 'chk_validations_score',
      expression: '((score >= (0)::double precision) AND (score <= (100)::double precision))',
      says: 'must be from 0 to 100',
      fields: ['score'],
    },
    jsonShape('validations', 'details', 'object'),
    jsonShape('validations', 'suggestions', 'array'),
    reaches('chk_validations_execution_time', 'execution_time_ms', 0),
    endsNotBeforeStart('chk_validations_times', 'completed_at', 'started_at'),
  ],
  indexes: [
    { name: 'idx_validations_pr_id', on: ['pr_id', 'created_at DESC'] },
    { name: 'idx_validations_task_execution_id', on: ['task_execution_id'] },
    { name: 'idx_validations_type_result', on: ['validation_type', 'result'] },
    { name: 'idx_validations_created_at', on: ['created_at DESC', 'id DESC'] },
  ],
  triggers: [
    'validations_project_delete',
    'validations_project_insert',
    'validations_project_update',
    'validations_set_updated_at',
  ],
  verbs: ['list', 'get', 'create', 'count', 'export'],
  creation: [notEnded('pr_id', 'status', ['merged', 'closed'])],
  onCreate: [
    {
      move: 'fail-validation',
      of: { parent: 'pr_id' },
      when: { given: 'result', isOneOf: ['failed'] },
    },
  ],
  list: {
    columns: ['id', 'pr_id', 'validation_type', 'validator_name', 'result', 'score', 'created_at'],
    sort: '-created_at',
    search: ['validation_type', 'validator_name'],
    time: 'created_at',
  },
})
