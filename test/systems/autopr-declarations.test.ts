/** AutoPR's declarations, read without a database: the verbs, the lifecycles, the rules, the document's indexes. */
import { describe, expect, it } from 'vitest'
import type { Entity } from '../../src/model/entity.ts'
import type { Lifecycle } from '../../src/model/lifecycle.ts'
import { entityNamed } from '../../src/model/system.ts'
import { describeDeclarations } from '../../src/schema/declared.ts'
import { autopr } from '../../src/systems/autopr/index.ts'

function named(name: string): Entity {
  const found = entityNamed(autopr, name)
  if (!found) throw new RangeError(name)
  return found
}

/** Every reason why the rules of a field refuse the value. */
function reasons(entity: string, key: string, value: unknown): string[] {
  return (named(entity).fields[key]?.rules ?? []).flatMap((rule) => rule.check(value) ?? [])
}

/** `from verb to` of every transition. */
function moves({ transitions }: Lifecycle): string[] {
  return transitions.flatMap(({ from, verb, to }) => from.map((state) => `${state} ${verb} ${to}`)).sort()
}

it('answers to the longer names of the tables too', () => {
  const names = [
    'workflow',
    'workflow-execution',
    'workflow-action',
    'workflow-trigger',
    'execution-log',
    'integration',
    'integration-event',
  ]
  expect(names.map((name) => named(name).table).sort()).toEqual(autopr.entities.map(({ table }) => table).sort())
})

it('has a log that nobody writes but the engine', () => {
  expect(named('execution-log').verbs).toEqual(['list', 'get', 'count', 'export'])
  expect(Object.values(named('execution-log').fields).every(({ settable }) => settable === 'never')).toBe(true)
})

it.each([
  [
    'workflow',
    [
      'active archive archived',
      'active deactivate inactive',
      'archived restore inactive',
      'draft activate active',
      'draft archive archived',
      'inactive activate active',
      'inactive archive archived',
    ],
  ],
  [
    'execution',
    [
      'pending cancel cancelled',
      'pending start running',
      'running cancel cancelled',
      'running complete completed',
      'running fail failed',
      'running timeout timeout',
    ],
  ],
  [
    'event',
    [
      'failed requeue pending',
      'pending claim processing',
      'pending ignore ignored',
      'processing complete completed',
      'processing fail failed',
      'processing ignore ignored',
      'processing requeue pending',
    ],
  ],
])('%s goes from state to state as the document has it', (name, expected) => {
  const { lifecycle } = named(name)
  expect(lifecycle && moves(lifecycle)).toEqual(expected)
})

describe('the rules on JSON', () => {
  it.each([
    ['workflow', 'config', {}],
    [
      'workflow',
      'config',
      { max_retries: 0, timeout_seconds: 1, notification_channels: [], auto_rollback: true, settings: { a: 1 } },
    ],
    ['workflow', 'config', { notification_channels: ['slack', 'email'] }],
    ['trigger', 'conditions', { event_type: 'pull_request.merged', branches: ['main'], paths: ['src/**'] }],
    ['trigger', 'conditions', { cron: '0 2 * * *' }],
    ['action', 'config', { anything: [1, 'x', null] }],
  ])('%s.%s accepts %j', (entity, key, value) => {
    expect(reasons(entity, key, value)).toEqual([])
  })

  it.each([
    ['workflow', 'config', [], 'must be a JSON object'],
    ['workflow', 'config', 'text', 'must be a JSON object'],
    ['workflow', 'config', { max_retries: -1 }, 'max_retries must be a whole number of at least 0'],
    ['workflow', 'config', { max_retries: 1.5 }, 'max_retries must be a whole number of at least 0'],
    ['workflow', 'config', { max_retries: null }, 'max_retries must be a whole number of at least 0'],
    ['workflow', 'config', { timeout_seconds: 0 }, 'timeout_seconds must be a whole number of at least 1'],
    ['workflow', 'config', { timeout_seconds: '60' }, 'timeout_seconds must be a whole number of at least 1'],
    ['workflow', 'config', { notification_channels: 'slack' }, 'notification_channels must be an array of texts'],
    ['workflow', 'config', { notification_channels: [1] }, 'notification_channels must be an array of texts'],
    ['trigger', 'conditions', { event_type: ' ' }, 'event_type must be a text'],
    ['trigger', 'conditions', { branches: 'main' }, 'branches must be an array of texts'],
    ['action', 'config', null, 'must be a JSON object'],
  ])('%s.%s refuses %j', (entity, key, value, reason) => {
    expect(reasons(entity, key, value)).toEqual([reason])
  })

  it('says every problem of one value', () => {
    expect(reasons('workflow', 'config', { max_retries: -1, timeout_seconds: 0 })).toHaveLength(2)
  })
})

it('has every index that the document names, but for those that repeat a constraint', () => {
  const present = Object.values(describeDeclarations(autopr, 'autopr').tables).flatMap(({ indexes, uniques }) => [
    ...Object.keys(indexes),
    ...Object.keys(uniques),
  ])
  // idx_workflow_actions_order repeats uq_workflow_action_order (decision 7).
  const documented = `
    idx_workflows_status idx_workflows_created_at idx_workflows_config
    idx_workflow_executions_workflow_id idx_workflow_executions_status idx_workflow_executions_started_at
    idx_workflow_executions_trigger_type idx_workflow_executions_composite
    idx_workflow_actions_workflow_id idx_workflow_actions_type
    idx_execution_logs_execution_id idx_execution_logs_level idx_execution_logs_created_at
    idx_execution_logs_composite
    idx_integrations_type idx_integrations_enabled idx_integrations_health
    idx_integration_events_integration_id idx_integration_events_status idx_integration_events_type
    idx_integration_events_created_at idx_integration_events_queue
    idx_workflow_triggers_workflow_id idx_workflow_triggers_type idx_workflow_triggers_enabled
    uq_workflow_name uq_execution_id uq_workflow_action_order uq_integration_name`
  expect(present).toEqual(expect.arrayContaining(documented.trim().split(/\s+/)))
})

it('keeps what decision 36 says, for as long, and no more than that unless somebody asks', () => {
  const rules = (optIn: boolean) =>
    autopr.retention
      .filter((rule) => (rule.optIn ?? false) === optIn)
      .map(({ entity, action, olderThan, only }) => [entity, action, olderThan, only?.status ?? null])
  expect(rules(false)).toEqual([
    ['execution', 'archive', '180 days', ['completed', 'failed', 'timeout', 'cancelled']],
    ['execution-log', 'drop-partitions', '90 days', null],
    ['event', 'delete', '30 days', ['completed', 'ignored']],
    ['event', 'delete', '90 days', ['failed']],
  ])
  expect(rules(true)).toEqual([
    ['event', 'expire', '15 minutes', ['processing']],
    ['workflow', 'purge', '1 year', null],
    ['integration', 'purge', '1 year', null],
  ])
})
