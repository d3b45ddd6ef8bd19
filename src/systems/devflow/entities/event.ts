/**
 * Events of the workflow (decisions 55, 60, 62). The audit trigger writes those of type `audit`, the platform the others;
 * nobody changes one. They outlive what they are about, so their ids name them without foreign keys.
 */
import { holdsObject } from '../../../model/checks.ts'
import { entity, legalValues } from '../../../model/entity.ts'
import { json, oneOf, timestamp, uuid, uuidId, varchar } from '../../../model/field.ts'

const CATEGORIES = ['task', 'execution', 'pr', 'validation', 'system', 'webhook'] as const
const written = { settable: 'never' } as const
const named = (entity: string) => ({ nullable: true, names: { entity, field: 'id' }, ...written }) as const

export const event = entity({
  name: 'event',
  aliases: ['workflow-event'],
  table: 'workflow_events',
  summary: 'What happened, and the audit trail of every change',
  primaryKey: 'id',
  fields: {
    id: uuidId('event id'),
    event_type: varchar(100, { summary: 'what kind of event; `audit` for a change of a row', ...written }),
    event_category: oneOf(CATEGORIES, { summary: 'what it is about', limit: 20, ...written }),
    project_id: uuid({ summary: 'project it is about', ...named('project') }),
    task_id: uuid({ summary: 'task it is about', ...named('task') }),
    task_execution_id: uuid({ summary: 'execution it is about', ...named('execution') }),
    pr_id: uuid({ summary: 'pull request it is about', ...named('pull-request') }),
    actor: varchar(255, { summary: 'who did it', nullable: true, ...written }),
    action: varchar(100, { summary: 'what was done', ...written }),
    event_data: json({ summary: 'the facts; of a change, the changed fields', default: "'{}'::jsonb", ...written }),
    occurred_at: timestamp({ summary: 'when', default: 'now()', ...written }),
  },
  checks: [
    legalValues('chk_workflow_events_category', 'event_category', CATEGORIES, 'varchar'),
    holdsObject('chk_workflow_events_data', 'event_data'),
  ],
  indexes: [
    ...['project_id', 'task_id', 'task_execution_id', 'pr_id'].map((column) => ({
      name: `idx_workflow_events_${column.replace(/_id$/, '')}`,
      on: [column, 'occurred_at'],
      where: `(${column} IS NOT NULL)`,
    })),
    { name: 'idx_workflow_events_category', on: ['event_category', 'occurred_at'] },
    {
      name: 'idx_workflow_events_type',
      on: ['event_type', 'occurred_at'],
      where: "((event_type)::text <> 'audit'::text)",
    },
    { name: 'idx_workflow_events_occurred_at', on: ['occurred_at DESC', 'id DESC'] },
  ],
  verbs: ['list', 'get', 'count', 'export'],
  list: {
    columns: ['occurred_at', 'event_type', 'event_category', 'action', 'actor', 'task_id', 'id'],
    sort: '-occurred_at',
    search: ['event_type', 'action', 'actor'],
    time: 'occurred_at',
  },
})
