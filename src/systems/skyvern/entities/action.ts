/** Actions of a step (systems/skyvern.md, 1.5 and "Action Schemas"). What the browser did; never edited (decision 25). */
import { entity } from '../../../model/entity.ts'
import { createdAt, enumeration, float, generatedId, json, reference, text } from '../../../model/field.ts'
import { between, coordinatePair, jsonObject } from '../../../model/rule.ts'

const TYPES = [
  'navigate',
  'go_back',
  'go_forward',
  'refresh',
  'click',
  'type',
  'select_option',
  'check',
  'uncheck',
  'extract',
  'upload_file',
  'download_file',
  'wait',
  'wait_for_element',
  'scroll',
  'scroll_to_element',
  'screenshot',
  'complete',
  'terminate',
] as const

export const action = entity({
  name: 'action',
  table: 'actions',
  summary: 'What the browser did in a step',
  primaryKey: 'action_id',
  fields: {
    action_id: generatedId('act', 'action id'),
    step_id: reference('step', 'step_id', {
      summary: 'step it is part of',
      onDelete: 'cascade',
      settable: 'create',
    }),
    action_type: enumeration('action_type', TYPES, { summary: 'what was done', settable: 'create' }),
    confidence_float: float({
      summary: 'confidence of the model, 0 to 1',
      nullable: true,
      settable: 'create',
      rules: [between(0, 1)],
    }),
    element_id: text({ summary: 'element it was done to', nullable: true, settable: 'create' }),
    text: text({ summary: 'text typed or searched for', nullable: true, settable: 'create' }),
    option: json({ summary: 'further parameters', nullable: true, settable: 'create', rules: [jsonObject] }),
    file_url: text({ summary: 'file of an upload', nullable: true, settable: 'create' }),
    coordinate: json({
      summary: 'place on the page, [x, y]',
      nullable: true,
      settable: 'create',
      rules: [coordinatePair],
    }),
    reasoning: text({ summary: 'why the model chose it', nullable: true, settable: 'create' }),
    created_at: createdAt(),
  },
  checks: [
    {
      name: 'check_action_confidence',
      expression: '((confidence_float >= (0)::double precision) AND (confidence_float <= (1)::double precision))',
      says: 'must be from 0 to 1',
      fields: ['confidence_float'],
    },
  ],
  indexes: [
    { name: 'ix_actions_step_id', on: ['step_id'] },
    { name: 'ix_actions_action_type', on: ['action_type'] },
    { name: 'ix_actions_created_at', on: ['created_at'] },
  ],
  verbs: ['list', 'get', 'create', 'count', 'import', 'export', 'bulk'],
  list: {
    columns: ['action_id', 'step_id', 'action_type', 'element_id', 'confidence_float', 'created_at'],
    sort: '-created_at',
    search: ['element_id', 'text', 'reasoning'],
    time: 'created_at',
  },
})
