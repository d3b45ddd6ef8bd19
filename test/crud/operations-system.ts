/**
 * A small fleet as decision 52 has it: workers claim orders for tasks, and order, assignment, execution and task stay in
 * step; and beside it one of each of the other operations. Declared here, so that the engine is tested without a system.
 */
import { entity } from '../../src/model/entity.ts'
import {
  boolean,
  createdAt,
  identityId,
  integer,
  oneOf,
  reference,
  text,
  timestamp,
  uuidId,
} from '../../src/model/field.ts'
import { lifecycle } from '../../src/model/lifecycle.ts'
import { type System, system } from '../../src/model/system.ts'

const ended = () => timestamp({ summary: 'when it ended', nullable: true, settable: 'never' })
const refersTo = (name: string, summary: string) =>
  reference(name, 'id', { summary, onDelete: 'cascade', kind: 'uuid', settable: 'create' })
const list = <const K extends string>(columns: readonly K[]) => ({ columns, sort: 'id' })

const worker = entity({
  name: 'worker',
  table: 'workers',
  summary: 'Workers',
  primaryKey: 'id',
  handle: 'name',
  fields: {
    id: uuidId('worker id'),
    name: text({ summary: 'name' }),
    status: oneOf(['idle', 'offline'], { summary: 'state', default: `'idle'::text`, settable: 'never' }),
    last_heartbeat_at: timestamp({ summary: 'last sign of life', nullable: true, settable: 'never' }),
    note: text({ summary: 'what it says', nullable: true, settable: 'update' }),
    beats: integer({ summary: 'signs of life', default: '0', settable: 'never' }),
    stopped_at: ended(),
  },
  uniques: [{ name: 'uq_workers_name', fields: ['name'] }],
  verbs: ['list', 'get', 'create'],
  lifecycle: lifecycle({
    field: 'status',
    initial: 'idle',
    states: { idle: 'active', offline: 'terminal' },
    endedAt: 'stopped_at',
    transitions: [
      {
        verb: 'offline',
        summary: 'Take workers off the fleet',
        from: ['idle'],
        to: 'offline',
        ends: true,
        effects: [{ move: 'timeout', of: { entity: 'assignment', via: 'worker_id', where: { status: 'active' } } }],
      },
      { verb: 'online', summary: 'Bring workers back', from: ['offline'], to: 'idle' },
    ],
  }),
  operations: [
    {
      kind: 'assign',
      name: 'heartbeat',
      summary: 'Give a sign of life',
      when: { status: ['idle'] },
      set: {},
      takes: { note: 'optional' },
      stamps: ['last_heartbeat_at'],
      increments: ['beats'],
      otherwise: 'gives no sign of life',
    },
    {
      kind: 'sweep',
      name: 'reap',
      summary: 'Take stale workers off the fleet',
      moves: 'offline',
      age: { field: 'last_heartbeat_at', olderThan: '90 seconds', orNull: true },
      adjective: 'stale',
    },
  ],
  list: { columns: ['name', 'status'], sort: 'name' },
})

const task = entity({
  name: 'task',
  table: 'tasks',
  summary: 'Tasks',
  primaryKey: 'id',
  fields: {
    id: uuidId('task id'),
    title: text({ summary: 'title' }),
    status: oneOf(['pending', 'queued', 'in_progress', 'completed', 'failed'], {
      summary: 'state',
      default: `'pending'::text`,
      settable: 'never',
    }),
    failure: text({ summary: 'why it failed', nullable: true, settable: 'never' }),
    progress: integer({ summary: 'percent', default: '0', settable: 'never' }),
    started_at: timestamp({ summary: 'when it began', nullable: true, settable: 'never' }),
    completed_at: ended(),
    failed_at: ended(),
    deleted_at: timestamp({ summary: 'when it was deleted', nullable: true, settable: 'never' }),
  },
  verbs: ['list', 'get', 'create', 'delete', 'bulk'],
  softDelete: { field: 'deleted_at' },
  lifecycle: lifecycle({
    field: 'status',
    initial: 'pending',
    states: {
      pending: 'waiting',
      queued: 'waiting',
      in_progress: 'active',
      completed: 'terminal',
      failed: 'terminal',
    },
    stamps: { in_progress: 'started_at' },
    endedAt: { completed: 'completed_at', failed: 'failed_at' },
    transitions: [
      {
        verb: 'queue',
        summary: 'Put into the queue',
        from: ['pending'],
        to: 'queued',
        awaitsDependencies: true,
        effects: [{ insert: 'order', values: { task_id: { row: 'id' }, queue: { value: 'default' } } }],
      },
      { verb: 'start', summary: 'Begin', from: ['queued'], to: 'in_progress', internal: true },
      { verb: 'requeue', summary: 'Wait again', from: ['in_progress'], to: 'queued', internal: true },
      {
        verb: 'progress',
        summary: 'Say how far it has come',
        from: ['in_progress'],
        to: 'in_progress',
        takes: { progress: 'required' },
      },
      {
        verb: 'complete',
        summary: 'Finish',
        from: ['in_progress'],
        to: 'completed',
        sets: { progress: 100 },
        internal: true,
      },
      {
        verb: 'fail',
        summary: 'Give up',
        from: ['queued', 'in_progress'],
        to: 'failed',
        takes: { failure: 'optional' },
        internal: true,
      },
      { verb: 'reopen', summary: 'Begin anew', from: ['completed', 'failed'], to: 'pending', clears: ['failure'] },
    ],
  }),
  list: list(['title', 'status']),
})

const dependency = entity({
  name: 'dependency',
  plural: 'dependencies',
  table: 'dependencies',
  summary: 'Dependencies',
  primaryKey: 'id',
  fields: {
    id: uuidId('dependency id'),
    task_id: refersTo('task', 'task that waits'),
    waits_for: refersTo('task', 'task it waits for'),
    kind: oneOf(['blocks', 'suggests'], { summary: 'kind', default: `'blocks'::text` }),
  },
  verbs: ['list'],
  graph: {
    nodes: 'task',
    label: 'title',
    from: 'task_id',
    to: 'waits_for',
    kind: 'kind',
    blocking: ['blocks'],
    finished: ['completed'],
  },
  list: list(['task_id', 'waits_for']),
})

const ofOrder = { entity: 'assignment', via: 'order_id', where: { status: 'active' } } as const
const runsOf = { entity: 'execution', via: 'order_id', where: { status: 'running' } } as const

const order = entity({
  name: 'order',
  table: 'orders',
  summary: 'Work orders',
  primaryKey: 'id',
  fields: {
    id: identityId('bigint', 'order id'),
    task_id: refersTo('task', 'task it is for'),
    queue: text({ summary: 'queue' }),
    priority: oneOf(['low', 'normal', 'high', 'critical'], { summary: 'priority', default: `'normal'::text` }),
    status: oneOf(['pending', 'claimed', 'completed', 'failed', 'expired'], {
      summary: 'state',
      default: `'pending'::text`,
      settable: 'never',
    }),
    retry_count: integer({ summary: 'tries that failed', default: '0', settable: 'never' }),
    max_retries: integer({ summary: 'tries that may fail', default: '1' }),
    error: text({ summary: 'what went wrong', nullable: true, settable: 'never' }),
    claimed_at: timestamp({ summary: 'when it was claimed', nullable: true, settable: 'never' }),
    completed_at: ended(),
    expires_at: timestamp({ summary: 'until when it may be claimed', nullable: true }),
    created_at: createdAt(),
  },
  verbs: ['list', 'get', 'create', 'bulk'],
  createdAs: 'enqueue',
  lifecycle: lifecycle({
    field: 'status',
    initial: 'pending',
    states: { pending: 'waiting', claimed: 'active', completed: 'terminal', failed: 'terminal', expired: 'terminal' },
    stamps: { claimed: 'claimed_at' },
    endedAt: 'completed_at',
    transitions: [
      {
        verb: 'claim',
        summary: 'Take the first of the queue',
        from: ['pending'],
        to: 'claimed',
        inputs: { worker_id: refersTo('worker', 'worker that takes it') },
        claims: { order: '-priority,created_at', by: ['queue'], notAfter: 'expires_at' },
        effects: [
          { insert: 'assignment', values: { worker_id: { given: 'worker_id' }, order_id: { row: 'id' } } },
          {
            insert: 'execution',
            values: { worker_id: { given: 'worker_id' }, order_id: { row: 'id' }, task_id: { row: 'task_id' } },
          },
          { move: 'start', of: { parent: 'task_id' }, required: true },
        ],
      },
      {
        verb: 'complete',
        summary: 'Finish with all that belongs to it',
        from: ['claimed'],
        to: 'completed',
        effects: [
          { move: 'complete', of: ofOrder },
          { move: 'complete', of: runsOf },
          { move: 'complete', of: { parent: 'task_id' } },
        ],
      },
      {
        verb: 'fail',
        summary: 'Say that it failed',
        from: ['claimed'],
        to: 'failed',
        takes: { error: 'required' },
        effects: [
          { move: 'fail', of: ofOrder },
          { move: 'fail', of: runsOf },
          { move: 'fail', of: { parent: 'task_id' }, values: { failure: { given: 'error' } } },
        ],
        instead: {
          when: { field: 'retry_count', isBelow: 'max_retries' },
          to: 'pending',
          clears: ['claimed_at'],
          increments: ['retry_count'],
          effects: [
            { move: 'fail', of: ofOrder },
            { move: 'fail', of: runsOf },
            { move: 'requeue', of: { parent: 'task_id' } },
          ],
        },
      },
      {
        verb: 'return',
        summary: 'Back to the queue',
        from: ['claimed'],
        to: 'pending',
        internal: true,
        clears: ['claimed_at'],
        increments: ['retry_count'],
        // The assignment leads here as well: declarations in a circle.
        effects: [
          { move: 'timeout', of: ofOrder },
          { move: 'timeout', of: runsOf },
          { move: 'requeue', of: { parent: 'task_id' } },
        ],
      },
      { verb: 'expire', summary: 'Withdraw', from: ['pending'], to: 'expired', ends: true },
    ],
  }),
  operations: [
    {
      kind: 'assign',
      name: 'priority raise',
      summary: 'Put first',
      when: { status: 'pending', priority: ['low', 'normal'] },
      set: { priority: 'critical' },
      otherwise: 'cannot be raised',
    },
    {
      kind: 'assign',
      name: 'priority lower',
      summary: 'Put last',
      when: { status: 'pending' },
      set: { priority: 'low' },
      otherwise: 'cannot be lowered',
    },
  ],
  list: { columns: ['id', 'queue', 'priority', 'status', 'retry_count'], sort: 'id' },
})

const workStates = ['active', 'completed', 'failed', 'timeout'] as const
const assignment = entity({
  name: 'assignment',
  table: 'assignments',
  summary: 'Assignments',
  primaryKey: 'id',
  fields: {
    id: uuidId('assignment id'),
    worker_id: refersTo('worker', 'worker'),
    order_id: reference('order', 'id', { summary: 'order', onDelete: 'cascade', kind: 'bigint', settable: 'create' }),
    status: oneOf(workStates, { summary: 'state', default: `'active'::text`, settable: 'never' }),
    ended_at: ended(),
  },
  verbs: ['list', 'get'],
  creation: [
    {
      via: 'worker_id',
      lock: 'share',
      refuses: ({ status }) => (status === 'offline' ? 'is offline' : undefined),
    },
  ],
  indexes: [{ name: 'uq_assignments_active', on: ['order_id'], unique: true, where: `(status = 'active'::text)` }],
  lifecycle: lifecycle({
    field: 'status',
    initial: 'active',
    states: { active: 'active', completed: 'terminal', failed: 'terminal', timeout: 'terminal' },
    endedAt: 'ended_at',
    transitions: [
      { verb: 'complete', summary: 'End', from: ['active'], to: 'completed', internal: true },
      { verb: 'fail', summary: 'End', from: ['active'], to: 'failed', internal: true },
      {
        verb: 'timeout',
        summary: 'Give up on the worker',
        from: ['active'],
        to: 'timeout',
        internal: true,
        effects: [{ move: 'return', of: { parent: 'order_id' } }],
      },
    ],
  }),
  list: list(['worker_id', 'order_id', 'status']),
})

const execution = entity({
  name: 'execution',
  table: 'executions',
  summary: 'Executions',
  primaryKey: 'id',
  fields: {
    id: uuidId('execution id'),
    worker_id: refersTo('worker', 'worker'),
    task_id: refersTo('task', 'task'),
    order_id: reference('order', 'id', { summary: 'order', onDelete: 'cascade', kind: 'bigint', settable: 'create' }),
    parent_id: reference('execution', 'id', {
      summary: 'the try before',
      onDelete: 'set null',
      kind: 'uuid',
      nullable: true,
      settable: 'never',
    }),
    status: oneOf(['running', 'completed', 'failed', 'timeout'], {
      summary: 'state',
      default: `'running'::text`,
      settable: 'never',
    }),
    output: text({ summary: 'result', nullable: true, settable: 'update' }),
    attempt: integer({ summary: 'which try', default: '1', settable: 'never' }),
    seconds: integer({ summary: 'length', nullable: true, generated: '(attempt * 2)', settable: 'never' }),
    ended_at: ended(),
  },
  verbs: ['list', 'get'],
  lifecycle: lifecycle({
    field: 'status',
    initial: 'running',
    states: { running: 'active', completed: 'terminal', failed: 'terminal', timeout: 'terminal' },
    endedAt: 'ended_at',
    transitions: [
      { verb: 'complete', summary: 'End', from: ['running'], to: 'completed', internal: true },
      { verb: 'fail', summary: 'End', from: ['running'], to: 'failed', internal: true },
      { verb: 'timeout', summary: 'End', from: ['running'], to: 'timeout', internal: true },
    ],
  }),
  operations: [
    {
      kind: 'copy',
      name: 'retry',
      summary: 'Try again as a child',
      links: 'parent_id',
      when: { status: ['failed', 'timeout'] },
      otherwise: 'has not failed',
      increments: ['attempt'],
      takes: [],
      leaves: ['output'],
    },
  ],
  list: list(['task_id', 'status', 'attempt']),
})

const plan = entity({
  name: 'plan',
  table: 'plans',
  summary: 'Plans: an account made with each, one of them current for each owner',
  primaryKey: 'id',
  fields: {
    id: identityId('bigint', 'plan id'),
    owner: text({ summary: 'owner' }),
    is_current: boolean({ summary: 'whether it is the one in use', default: 'false', settable: 'never' }),
    uses: integer({ summary: 'how often it was chosen', default: '0', settable: 'never' }),
  },
  verbs: ['list', 'get', 'create', 'import', 'bulk'],
  onCreate: [{ insert: 'stage', values: { plan_id: { row: 'id' }, name: { given: 'owner' } } }],
  operations: [
    {
      kind: 'assign',
      name: 'choose',
      summary: 'Use this one',
      when: { is_current: false },
      set: { is_current: true },
      inputs: { step: text({ summary: 'name of a stage to add', nullable: true }) },
      increments: ['uses'],
      exclusive: { within: ['owner'], resets: { is_current: false } },
      effects: [
        {
          insert: 'stage',
          values: { plan_id: { row: 'id' }, name: { given: 'step' } },
          when: { given: 'step', isOneOf: ['review', 'deploy'] },
        },
        {
          set: { name: { given: 'step' } },
          of: { entity: 'stage', via: 'plan_id', where: { place: 1 } },
          stamps: ['touched_at'],
          when: { given: 'step', isOneOf: ['first'] },
        },
      ],
      otherwise: 'is in use already',
    },
  ],
  list: { columns: ['id', 'owner', 'is_current'], sort: 'id' },
})

const stage = entity({
  name: 'stage',
  table: 'stages',
  summary: 'Stages of a plan, in their order',
  primaryKey: 'id',
  fields: {
    id: identityId('integer', 'stage id'),
    plan_id: reference('plan', 'id', { summary: 'plan', onDelete: 'cascade', kind: 'bigint', settable: 'create' }),
    place: integer({ summary: 'place in the plan', numberedWithin: ['plan_id'], settable: 'never' }),
    name: text({ summary: 'name' }),
    touched_at: timestamp({ summary: 'when it was touched', nullable: true, settable: 'never' }),
  },
  uniques: [{ name: 'uq_stages_place', fields: ['plan_id', 'place'] }],
  checks: [
    {
      name: 'chk_stages_name',
      expression: `(name <> 'forbidden'::text)`,
      says: 'must not be forbidden',
      fields: ['name'],
    },
  ],
  verbs: ['list', 'get', 'create'],
  operations: [{ kind: 'reorder', name: 'reorder', summary: 'Give new places', numbers: 'place', from: 1 }],
  list: { columns: ['id', 'name', 'place'], sort: 'place' },
})

export const fleet: System = system({
  name: 'fleet',
  title: 'Fleet',
  summary: 'Workers and what they work on',
  entities: [worker, task, dependency, order, assignment, execution, plan, stage],
  reports: [],
  retention: [],
  overview: { entity: 'task' },
})

/** In place of the registry of systems: `vi.mock('../../src/systems/registry.ts', …)`. */
export const fleetRegistry = () => ({
  systems: [{ name: fleet.name, title: fleet.title, summary: fleet.summary, load: async () => fleet }],
})
