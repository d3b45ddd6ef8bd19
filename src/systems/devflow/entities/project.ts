/** Projects (systems/devflow.md, "Projects"; decision 55): a repository and the work on it. */
import { entity } from '../../../model/entity.ts'
import { createdAt, json, text, timestamp, updatedAt, uuidId, varchar } from '../../../model/field.ts'
import { jsonObject, notBlank } from '../../../model/rule.ts'
import { archive, unarchive } from '../operations/archive.ts'
import { jsonShape, nestedAtMostTen } from './json.ts'

export const project = entity({
  name: 'project',
  table: 'projects',
  summary: 'Repositories and the work on them',
  primaryKey: 'id',
  handle: 'name',
  fields: {
    id: uuidId('project id'),
    name: varchar(255, { summary: 'name, by which commands know it too', rules: [notBlank] }),
    description: text({ summary: 'what it is about', nullable: true }),
    repository_url: varchar(500, { summary: 'where the repository is', nullable: true, rules: [notBlank] }),
    repository_name: varchar(255, { summary: 'name of the repository', nullable: true, rules: [notBlank] }),
    default_branch: varchar(100, {
      summary: 'branch that work starts from',
      default: "'main'::character varying",
      rules: [notBlank],
    }),
    settings: json({
      summary: 'settings of the project',
      default: "'{}'::jsonb",
      rules: [jsonObject, nestedAtMostTen],
    }),
    created_at: createdAt(),
    updated_at: updatedAt(),
    archived_at: timestamp({ summary: 'when it was archived', nullable: true, settable: 'never' }),
  },
  uniques: [{ name: 'uq_projects_name', fields: ['name'] }],
  checks: [
    {
      name: 'chk_projects_name',
      expression: "(btrim((name)::text) <> ''::text)",
      says: 'must not be blank',
      fields: ['name'],
    },
    jsonShape('projects', 'settings', 'object'),
  ],
  indexes: [
    { name: 'idx_projects_created_at', on: ['created_at DESC', 'id DESC'] },
    { name: 'idx_projects_repository_url', on: ['repository_url'] },
  ],
  triggers: ['projects_record_change', 'projects_set_updated_at'],
  verbs: ['list', 'get', 'create', 'update', 'delete', 'count', 'import', 'export', 'bulk'],
  operations: [archive, unarchive],
  list: {
    columns: ['id', 'name', 'repository_url', 'default_branch', 'archived_at', 'created_at'],
    sort: '-created_at',
    search: ['name', 'description', 'repository_url', 'repository_name'],
    time: 'created_at',
  },
})
