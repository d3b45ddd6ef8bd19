/**
 * `pull-request record-validation`: a validation of the pull request in one step. A failed one takes it to
 * failed_validation, as creating the validation does in any other way (`entities/validation.ts`).
 */
import { enumeration, float, integer, json, timestamp, varchar } from '../../../model/field.ts'
import type { AssignOperation } from '../../../model/operation.ts'
import { atLeast, between, jsonObject, notBlank } from '../../../model/rule.ts'
import { jsonArray, nestedAtMostTen } from '../entities/json.ts'

/** What a validator may find (decision 54). */
export const VALIDATION_RESULTS = ['passed', 'failed', 'warning', 'skipped'] as const

/** The values of a validation that are given: the same whether it is created or recorded. */
export const VALUES = {
  validation_type: varchar(100, { summary: 'what was validated: unit_tests, lint, security …', rules: [notBlank] }),
  validator_name: varchar(255, { summary: 'who or what validated it', rules: [notBlank] }),
  result: enumeration('validation_result', VALIDATION_RESULTS, { summary: 'what it found' }),
  details: json({ summary: 'details', nullable: true, rules: [jsonObject, nestedAtMostTen] }),
  score: float({ summary: 'score from 0 to 100', nullable: true, rules: [between(0, 100)] }),
  suggestions: json({ summary: 'what to do better', nullable: true, rules: [jsonArray, nestedAtMostTen] }),
  execution_time_ms: integer({ summary: 'how long it took', nullable: true, rules: [atLeast(0)] }),
  started_at: timestamp({ summary: 'when it began', nullable: true }),
  completed_at: timestamp({ summary: 'when it ended', nullable: true }),
}

export const recordValidation: AssignOperation = {
  kind: 'assign',
  name: 'record-validation',
  summary: 'Record a validation of the pull request; one that failed moves it to failed_validation',
  when: { status: ['draft', 'open', 'review_requested', 'approved', 'failed_validation'] },
  set: {},
  inputs: VALUES,
  effects: [
    {
      insert: 'validation',
      values: {
        pr_id: { row: 'id' },
        ...Object.fromEntries(Object.keys(VALUES).map((key) => [key, { given: key }])),
      },
    },
  ],
  otherwise: 'has ended',
}
