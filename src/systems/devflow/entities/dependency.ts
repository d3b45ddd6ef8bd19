/** Dependencies between tasks (decisions 55, 58, 59): the dependent one waits for what `blocks` it or it `requires`. */
import { entity, legalValues } from '../../../model/entity.ts'
import { boolean, createdAt, oneOf, reference, timestamp, updatedAt, uuidId } from '../../../model/field.ts'
import { satisfy } from '../operations/satisfy.ts'

const TYPES = ['blocks', 'requires', 'suggests', 'conflicts'] as const

export const dependency = entity({
  name: 'dependency',
  plural: 'dependencies',
  table: 'dependencies',
  summary: 'Which task waits for which',
  primaryKey: 'id',
  fields: {
    id: uuidId('dependency id'),
    dependent_task_id: reference('task', 'id', {
      kind: 'uuid',
      summary: 'task that waits',
      onDelete: 'cascade',
      settable: 'create',
    }),
    dependency_task_id: reference('task', 'id', {
      kind: 'uuid',
      summary: 'task that it waits for',
      onDelete: 'cascade',
      settable: 'create',
    }),
    dependency_type: oneOf(TYPES, {
      summary: 'what holds between them; blocks and requires make the one wait',
      limit: 20,
      default: "'blocks'::character varying",
      settable: 'create',
    }),
    is_satisfied: boolean({ summary: 'whether it holds up nobody any more', default: 'false', settable: 'never' }),
    satisfied_at: timestamp({ summary: 'since when it does not', nullable: true, settable: 'never' }),
    created_at: createdAt(),
    updated_at: updatedAt(),
  },
  uniques: [{ name: 'uq_dependencies_tasks', fields: ['dependent_task_id', 'dependency_task_id'] }],
  checks: [
    {
      name: 'chk_dependencies_self',
      expression: '(dependent_task_id <> dependency_task_id)',
      says: 'must be another task',
      fields: ['dependency_task_id'],
    },
    legalValues('chk_dependencies_type', 'dependency_type', TYPES, 'varchar'),
    {
      name: 'chk_dependencies_satisfied',
      expression: '(is_satisfied = (satisfied_at IS NOT NULL))',
      says: 'must be set exactly when the dependency is satisfied',
      fields: ['satisfied_at'],
    },
  ],
  indexes: [
    { name: 'idx_dependencies_dependency_task_id', on: ['dependency_task_id'] },
    { name: 'idx_dependencies_created_at', on: ['created_at DESC', 'id DESC'] },
  ],
  triggers: [
    'dependencies_project_delete',
    'dependencies_project_insert',
    'dependencies_project_update',
    'dependencies_refuse_cycle',
    'dependencies_set_updated_at',
  ],
  verbs: ['list', 'get', 'count', 'export'],
  operations: [satisfy],
  graph: {
    nodes: 'task',
    label: 'title',
    from: 'dependent_task_id',
    to: 'dependency_task_id',
    kind: 'dependency_type',
    blocking: ['blocks', 'requires'],
    finished: ['completed'],
    satisfied: { flag: 'is_satisfied', at: 'satisfied_at' },
    weight: 'estimated_duration',
  },
  list: {
    columns: ['id', 'dependent_task_id', 'dependency_task_id', 'dependency_type', 'is_satisfied', 'created_at'],
    sort: '-created_at',
    time: 'created_at',
  },
})
