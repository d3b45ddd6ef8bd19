/**
 * Skyvern's declarations, read without a database: the matrix, the lifecycles, the rules. What holds for any system,
 * `declarations.test.ts` checks.
 */
import { describe, expect, it } from 'vitest'
import type { Entity } from '../../src/model/entity.ts'
import { isSettableAt } from '../../src/model/field.ts'
import { endFields, type Lifecycle, statesOf, transitionsFrom } from '../../src/model/lifecycle.ts'
import { entityNamed } from '../../src/model/system.ts'
import { organization } from '../../src/systems/skyvern/entities/organization.ts'
import { step } from '../../src/systems/skyvern/entities/step.ts'
import { task } from '../../src/systems/skyvern/entities/task.ts'
import { workflowRun } from '../../src/systems/skyvern/entities/workflow-run.ts'
import { skyvern } from '../../src/systems/skyvern/index.ts'

function named(name: string): Entity {
  const found = entityNamed(skyvern, name)
  if (!found) throw new RangeError(name)
  return found
}

/** Every reason why the rules of a field refuse the value, after they normalised it. */
function reasons(entity: Entity, key: string, value: unknown): string[] {
  const rules = entity.fields[key]?.rules ?? []
  const normal = rules.reduce((so, rule) => rule.normalise?.(so) ?? so, value)
  return rules.flatMap((rule) => rule.check(normal) ?? [])
}

/** `from verb to` of every transition. */
function moves({ transitions }: Lifecycle): string[] {
  return transitions.flatMap(({ from, verb, to }) => from.map((state) => `${state} ${verb} ${to}`)).sort()
}

describe('the CRUD matrix', () => {
  it.each([
    ['organization', 'create update delete', ''],
    ['task', 'create update delete', 'bulk'],
    ['step', 'create update', 'bulk'],
    ['workflow', 'create update delete', ''],
    ['workflow-run', 'create update', 'bulk'],
    ['action', 'create', 'bulk'],
    ['artifact', 'create delete', 'bulk'],
  ])('%s can be read and: %s %s', (name, writes, bulk) => {
    const { verbs } = named(name)
    const expected = ['list', 'get', 'count', 'export', ...writes.split(' '), ...(bulk ? ['bulk', 'import'] : [])]
    expect([...verbs].sort()).toEqual(expected.sort())
  })

  it.each(['task-log', 'step-log', 'workflow-run-log', 'workflow-block', 'screenshot'])(
    '%s can only be read',
    (name) => {
      expect(named(name).verbs).toEqual(['list', 'get', 'count', 'export'])
      expect(Object.values(named(name).fields).every(({ settable }) => settable === 'never')).toBe(true)
    },
  )
})

describe('lifecycles', () => {
  const RUN = [
    'created queue queued',
    'failed retry queued',
    'queued cancel cancelled',
    'queued start running',
    'queued terminate terminated',
    'running cancel cancelled',
    'running complete completed',
    'running fail failed',
    'running terminate terminated',
  ]

  it.each([
    ['task', RUN],
    ['workflow-run', RUN],
    [
      'step',
      [
        'created skip skipped',
        'created start running',
        'failed retry retrying',
        'retrying fail failed',
        'retrying start running',
        'running complete completed',
        'running fail failed',
      ],
    ],
  ])('%s moves as decision 11 has it', (name, expected) => {
    const { lifecycle } = named(name)
    expect(lifecycle && moves(lifecycle)).toEqual(expected)
  })

  const living = skyvern.entities.flatMap(({ name, fields, lifecycle }) =>
    lifecycle ? [{ name, fields, lifecycle }] : [],
  )

  it.each(living)(
    '$name: retry is the only way out of an end, and it empties the time of the end',
    ({ lifecycle }) => {
      for (const state of statesOf(lifecycle, 'terminal')) {
        for (const { verb, clears } of transitionsFrom(lifecycle, state)) {
          expect(verb).toBe('retry')
          expect(clears).toEqual(expect.arrayContaining(endFields(lifecycle)))
        }
      }
    },
  )

  it('a task or run fails with a reason only', () => {
    for (const { lifecycle } of [task, workflowRun, step]) {
      expect(lifecycle?.transitions.find(({ verb }) => verb === 'fail')?.takes).toMatchObject({
        failure_reason: 'required',
      })
    }
  })

  it('queued and running tasks count against the limit', () => {
    expect(task.lifecycle && statesOf(task.lifecycle, 'active')).toEqual(['queued', 'running'])
  })
})

describe('rules', () => {
  it.each([
    ['task', 'url', 'https://example.com/a?b=c', []],
    ['task', 'url', 'ftp://example.com', ['must start with http:// or https://']],
    ['task', 'navigation_goal', '  \t ', ['must not be blank']],
    ['task', 'navigation_payload', { a: 1 }, []],
    ['task', 'navigation_payload', [1], ['must be a JSON object']],
    ['task', 'webhook_callback_url', 'example.com', ['must start with http:// or https://']],
    ['task', 'extracted_information', 'text', ['must be a JSON object']],
    ['organization', 'webhook_callback_url', 'javascript:alert(1)', ['must start with http:// or https://']],
    ['organization', 'max_steps_per_run', 0, ['must be at least 1']],
    ['organization', 'max_retries_per_step', 0, []],
    ['organization', 'settings', { max_concurrent_tasks: 0 }, []],
    [
      'organization',
      'settings',
      { max_concurrent_tasks: 'ten' },
      ['max_concurrent_tasks must be a whole number of at least 0'],
    ],
    ['user', 'email', 'Ann@Example.com', []],
    ['user', 'email', 'ann', ['is not an e-mail address']],
    ['action', 'coordinate', [1.5, -2], []],
    ['action', 'coordinate', [1], ['must have the form [x, y]']],
    ['action', 'coordinate', [1, 'x'], ['must be two finite numbers, [x, y]']],
    ['action', 'confidence_float', 1, []],
    ['action', 'confidence_float', 1.01, ['must be from 0 to 1']],
    ['artifact', 'file_size_bytes', -1n, ['must be at least 0']],
    ['workflow', 'workflow_definition', [], ['must be a JSON object']],
    ['workflow-run', 'parameters', 'text', ['must be a JSON object']],
  ])('%s %s: %o is refused with %o', (name, key, value, expected) => {
    expect(reasons(named(name), key, value)).toEqual(expected)
  })

  it('step types are the four of decision 23', () => {
    expect(step.fields.step_type.values).toEqual(['action', 'validation', 'extraction', 'navigation'])
  })

  it('a task is created from what its schema takes, and updated only in its results', () => {
    const settable = (moment: 'create' | 'update') =>
      Object.entries(task.fields).flatMap(([key, field]) => (isSettableAt(field, moment) ? [key] : []))
    expect(settable('update')).toEqual(['extracted_information', 'failure_reason'])
    expect(settable('create')).toEqual([
      'organization_id',
      'created_by',
      'browser_session_id',
      'url',
      'navigation_goal',
      'data_extraction_goal',
      'navigation_payload',
      'proxy_location',
      'webhook_callback_url',
      'totp_verification_url',
      'totp_identifier',
    ])
  })

  it('the definition of a workflow never changes; another makes a new version', () => {
    const { fields, operations } = named('workflow')
    expect([fields.workflow_definition?.settable, fields.parameter_schema?.settable]).toEqual(['create', 'create'])
    expect(operations.map(({ name }) => name)).toEqual(['new-version', 'activate', 'deactivate'])
  })
})

describe('creation', () => {
  const limitOf = (settings: unknown) =>
    task.creation.find(({ via }) => via === 'organization_id')?.limit?.({ settings })?.atMost

  it('allows ten active tasks unless the settings say otherwise, zero included', () => {
    expect(limitOf({})).toBe(10)
    expect(limitOf(null)).toBe(10)
    expect(limitOf({ max_concurrent_tasks: 3 })).toBe(3)
    expect(limitOf({ max_concurrent_tasks: 0 })).toBe(0)
  })

  it('needs an active organization wherever one is named', () => {
    for (const { fields, creation, verbs } of skyvern.entities) {
      if (!('organization_id' in fields) || !verbs.includes('create') || fields === organization.fields) continue
      const rule = creation.find(({ via }) => via === 'organization_id')
      expect(rule?.refuses?.({ is_active: false })).toBe('is not active')
      expect(rule?.refuses?.({ is_active: true })).toBeUndefined()
    }
  })

  it('of a run needs an active workflow of the same organization and valid parameters', () => {
    const rule = workflowRun.creation.find(({ via }) => via === 'workflow_id')
    expect(rule).toMatchObject({
      matches: { organization_id: 'organization_id' },
      validates: { field: 'parameters', against: 'parameter_schema' },
    })
    expect(rule?.refuses?.({ is_active: false })).toBe('is not active')
  })
})

describe('every entity', () => {
  it('has an id prefix of its own (decision 10)', () => {
    const prefixes = skyvern.entities.flatMap(({ fields }) =>
      Object.values(fields).flatMap(({ idPrefix }) => idPrefix ?? []),
    )
    expect(prefixes.sort()).toEqual(
      ['a', 'act', 'ak', 'o', 'pbs', 'scr', 'sl', 'stp', 'tl', 'tsk', 'u', 'w', 'wpid', 'wr', 'wrb', 'wrl'].sort(),
    )
  })
})

describe('retention', () => {
  it('archives every kind of finished task after 180 days', () => {
    const rule = skyvern.retention.find(({ name }) => name === 'finished-tasks')
    expect(rule?.olderThan).toBe('180 days')
    expect(rule?.only?.status).toEqual(task.lifecycle && statesOf(task.lifecycle, 'terminal'))
  })
})
