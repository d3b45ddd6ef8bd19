/** Artifacts (systems/skyvern.md, 1.5; decisions 17, 20, 25): files that tasks and runs left behind. */
import { reaches } from '../../../model/checks.ts'
import { entity } from '../../../model/entity.ts'
import { bigint, createdAt, enumeration, generatedId, reference, text } from '../../../model/field.ts'
import { atLeast, httpUrl, notBlank } from '../../../model/rule.ts'
import { activeOrganization, ofSameOrganization } from './creation-rules.ts'

const TYPES = [
  'screenshot_action',
  'screenshot_llm',
  'screenshot_step',
  'recording',
  'har_file',
  'extracted_data',
  'downloaded_file',
  'browser_logs',
  'network_logs',
] as const

export const artifact = entity({
  name: 'artifact',
  table: 'artifacts',
  summary: 'Files that tasks, steps and runs left behind',
  primaryKey: 'artifact_id',
  fields: {
    artifact_id: generatedId('a', 'artifact id'),
    task_id: reference('task', 'task_id', {
      summary: 'task it came from',
      onDelete: 'cascade',
      nullable: true,
      settable: 'create',
    }),
    step_id: reference('step', 'step_id', {
      summary: 'step it came from',
      onDelete: 'cascade',
      nullable: true,
      settable: 'create',
    }),
    workflow_run_id: reference('workflow-run', 'workflow_run_id', {
      summary: 'workflow run it came from',
      onDelete: 'cascade',
      nullable: true,
      settable: 'create',
    }),
    organization_id: reference('organization', 'organization_id', {
      summary: 'organization that owns it',
      onDelete: 'cascade',
      settable: 'create',
    }),
    artifact_type: enumeration('artifact_type', TYPES, { summary: 'what is in the file', settable: 'create' }),
    uri: text({ summary: 'where the file is, in a store', settable: 'create', rules: [notBlank] }),
    // Whoever has the signed URL has the file.
    signed_url: text({
      summary: 'URL that opens the file to its bearer',
      nullable: true,
      settable: 'create',
      rules: [httpUrl],
      secret: true,
    }),
    file_size_bytes: bigint({
      summary: 'size of the file',
      nullable: true,
      settable: 'create',
      rules: [atLeast(0)],
      unit: 'bytes',
    }),
    content_type: text({ summary: 'media type', nullable: true, settable: 'create', rules: [notBlank] }),
    created_at: createdAt(),
  },
  checks: [reaches('check_file_size', 'file_size_bytes', 0)],
  indexes: [
    { name: 'ix_artifacts_task_id', on: ['task_id'] },
    { name: 'ix_artifacts_step_id', on: ['step_id'] },
    { name: 'ix_artifacts_workflow_run_id', on: ['workflow_run_id'] },
    { name: 'ix_artifacts_organization_id', on: ['organization_id'] },
    { name: 'ix_artifacts_artifact_type', on: ['artifact_type'] },
    { name: 'ix_artifacts_created_at', on: ['created_at'] },
    { name: 'ix_artifacts_type_created', on: ['artifact_type', 'created_at'] },
    { name: 'ix_artifacts_org_size', on: ['organization_id', 'file_size_bytes'] },
    // Which other rows share a file: every delete asks. A hash, since a URI may be longer than a B-tree takes.
    { name: 'ix_artifacts_uri', on: ['uri'], method: 'hash' },
  ],
  verbs: ['list', 'get', 'create', 'delete', 'count', 'import', 'export', 'bulk'],
  creation: [
    activeOrganization,
    ofSameOrganization('task_id'),
    ofSameOrganization('workflow_run_id'),
    // A step names no organization; its task does.
    { via: 'step_id', lock: 'share', matches: { task_id: 'task_id' } },
  ],
  file: { uri: 'uri', bytes: 'file_size_bytes' },
  list: {
    columns: ['artifact_id', 'artifact_type', 'file_size_bytes', 'task_id', 'uri', 'created_at'],
    sort: '-created_at',
    search: ['uri', 'content_type'],
    time: 'created_at',
  },
})
