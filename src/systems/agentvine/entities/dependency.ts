/**
 * What tasks wait for (systems/agentvine.md, 11; decision 48). Cycles among `blocks` edges are refused by the command,
 * which shows them, and by a trigger for every other writer. Only a completed task lets those go on that wait for it: of
 * one that failed or was cancelled somebody has to decide.
 */
import { entity, legalValues } from '../../../model/entity.ts'
import { createdAt, oneOf, reference, updatedAt, uuidId } from '../../../model/field.ts'

const TYPES = ['blocks', 'related', 'duplicate'] as const

export const dependency = entity({
  name: 'dependency',
  plural: 'dependencies',
  aliases: ['task-dependency'],
  table: 'task_dependencies',
  summary: 'Which task waits for which',
  primaryKey: 'id',
  fields: {
    id: uuidId('dependency id'),
    task_id: reference('task', 'id', {
      summary: 'task that waits',
      kind: 'uuid',
      onDelete: 'cascade',
      settable: 'create',
    }),
    depends_on_task_id: reference('task', 'id', {
      summary: 'task that it waits for',
      kind: 'uuid',
      onDelete: 'cascade',
      settable: 'create',
    }),
    dependency_type: oneOf(TYPES, {
      summary: 'blocks makes the task wait; the others only say how the two belong together',
      limit: 20,
      default: "'blocks'::character varying",
      settable: 'create',
    }),
    created_at: createdAt(),
    updated_at: updatedAt(),
  },
  uniques: [{ name: 'uq_task_dependencies_pair', fields: ['task_id', 'depends_on_task_id'] }],
  checks: [
    {
      name: 'chk_task_dependencies_self',
      expression: '(task_id <> depends_on_task_id)',
      says: 'must be another task',
      fields: ['depends_on_task_id'],
    },
    legalValues('chk_task_dependencies_type', 'dependency_type', TYPES, 'varchar'),
  ],
  indexes: [
    { name: 'idx_task_deps_task', on: ['task_id'] },
    { name: 'idx_task_deps_depends_on', on: ['depends_on_task_id'] },
  ],
  triggers: ['task_dependencies_no_cycle', 'task_dependencies_set_updated_at'],
  verbs: ['list', 'get', 'count', 'export'],
  graph: {
    nodes: 'task',
    label: 'title',
    from: 'task_id',
    to: 'depends_on_task_id',
    kind: 'dependency_type',
    blocking: ['blocks'],
    finished: ['completed'],
    block: 'block',
    release: 'unblock',
  },
  list: {
    columns: ['id', 'task_id', 'depends_on_task_id', 'dependency_type', 'created_at'],
    sort: '-created_at',
    time: 'created_at',
  },
})
