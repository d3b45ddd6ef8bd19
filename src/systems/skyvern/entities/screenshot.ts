/**
 * Screenshots (decision 9): where in a step an artifact was taken. Read-only, and gone with their step or artifact:
 * the file belongs to the artifact.
 */
import { entity } from '../../../model/entity.ts'
import { createdAt, generatedId, reference, text } from '../../../model/field.ts'

export const screenshot = entity({
  name: 'screenshot',
  table: 'screenshots',
  summary: 'Screenshots of a step, each with its artifact',
  primaryKey: 'screenshot_id',
  fields: {
    screenshot_id: generatedId('scr', 'screenshot id'),
    step_id: reference('step', 'step_id', {
      summary: 'step it shows',
      onDelete: 'cascade',
      settable: 'never',
    }),
    artifact_id: reference('artifact', 'artifact_id', {
      summary: 'artifact that holds the file',
      onDelete: 'cascade',
      settable: 'never',
    }),
    uri: text({ summary: 'where the file is, in a store', settable: 'never' }),
    created_at: createdAt(),
  },
  indexes: [
    { name: 'ix_screenshots_step_id', on: ['step_id'] },
    { name: 'ix_screenshots_artifact_id', on: ['artifact_id'] },
    { name: 'ix_screenshots_created_at', on: ['created_at'] },
  ],
  verbs: ['list', 'get', 'count', 'export'],
  list: {
    columns: ['screenshot_id', 'step_id', 'artifact_id', 'uri', 'created_at'],
    sort: '-created_at',
    search: ['uri'],
    time: 'created_at',
  },
})
