/** What a person is told who wants to set a field that only another verb changes. */
import { expect, it } from 'vitest'
import { settableFields, whyNotSettable } from '../../src/crud/settable.ts'
import { entityNamed, type System } from '../../src/model/system.ts'
import { agensium } from '../../src/systems/agensium/index.ts'
import { agentvine } from '../../src/systems/agentvine/index.ts'
import { autopr } from '../../src/systems/autopr/index.ts'
import { devflow } from '../../src/systems/devflow/index.ts'

it.each<[string, string, 'create' | 'update', System, string]>([
  // Transitions, the way that rows with retries left take among them; what only effects take is no verb to name.
  ['work-order', 'retry_count', 'update', agentvine, 'is changed by work-order fail, timeout, requeue'],
  [
    'work-order',
    'status',
    'update',
    agentvine,
    'is changed by work-order claim, complete, fail, timeout, expire, requeue',
  ],
  [
    'execution',
    'result',
    'create',
    autopr,
    'is not known at creation; it is set by execution update, complete, fail',
  ],
  // Operations: assignments, what they take and stamp, copies, new places, events that are worked off.
  ['task', 'assigned_at', 'update', devflow, 'is changed by task assign'],
  ['task', 'progress', 'create', agensium, 'is not known at creation; it is set by task complete, progress'],
  ['execution', 'retry_count', 'update', autopr, 'is set by execution retry'],
  ['execution', 'parent_execution_id', 'create', autopr, 'is set by execution retry'],
  [
    'action',
    'order_index',
    'update',
    autopr,
    'is assigned: the next number within workflow_id; it is changed by action reorder',
  ],
  ['stripe-event', 'processed_at', 'create', agensium, 'is changed by stripe-event replay'],
  ['integration', 'deleted_at', 'update', autopr, 'is changed by integration delete, restore'],
  ['worker', 'capabilities', 'update', agentvine, 'is kept by the database'],
])('%s.%s at %s', (name, field, purpose, system, words) => {
  const entity = entityNamed(system, name)
  expect(entity && whyNotSettable(entity, field, purpose)).toBe(words)
  expect(entity && settableFields(entity, purpose)).not.toContain(field)
})
