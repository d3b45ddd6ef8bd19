/**
 * A small system of its own for the tests of graphs, logs, threads and versions: jobs that wait for jobs, what they log,
 * notes that answer notes, pages with versions. A test file that runs its commands mocks the registry of systems with
 * `gardenRegistry`; what it needs besides stands in garden-support.ts, so that the mock loads declarations only.
 */
import type { Scope } from '../../src/crud/scope.ts'
import type { Actor } from '../../src/db/audit.ts'
import { entity } from '../../src/model/entity.ts'
import {
  boolean,
  createdAt,
  identityId,
  integer,
  json,
  numeric,
  oneOf,
  reference,
  text,
  timestamp,
  varchar,
} from '../../src/model/field.ts'
import { lifecycle } from '../../src/model/lifecycle.ts'
import { entityNamed, system } from '../../src/model/system.ts'

export const SCHEMA = 'garden'
export const actor: Actor = { command: 'test', argv: ['test'], osUser: 'tester', host: 'test-host' }

const STATES = ['waiting', 'ready', 'running', 'blocked', 'done', 'failed', 'cancelled'] as const
const LEVELS = ['DEBUG', 'INFO', 'WARNING', 'ERROR'] as const

const job = entity({
  name: 'job',
  table: 'jobs',
  summary: 'Jobs',
  primaryKey: 'job_id',
  handle: 'code',
  fields: {
    job_id: identityId('integer', 'job id'),
    code: varchar(20, { summary: 'code' }),
    title: text({ summary: 'title' }),
    status: oneOf(STATES, {
      summary: 'where it stands',
      settable: 'never',
      default: `'waiting'::text`,
      tones: { done: 'good', failed: 'bad', running: 'active', blocked: 'active' },
    }),
    hours: numeric({ summary: 'work in it', nullable: true }),
    ended_at: timestamp({ summary: 'when it ended', nullable: true, settable: 'never' }),
    deleted_at: timestamp({ summary: 'when it was deleted', nullable: true, settable: 'never' }),
  },
  verbs: ['list', 'get', 'delete'],
  softDelete: { field: 'deleted_at' },
  lifecycle: lifecycle({
    field: 'status',
    initial: 'waiting',
    states: {
      waiting: 'waiting',
      ready: 'active',
      running: 'active',
      blocked: 'waiting',
      done: 'terminal',
      failed: 'terminal',
      cancelled: 'terminal',
    },
    endedAt: 'ended_at',
    transitions: [
      { verb: 'queue', summary: 'Queue', from: ['waiting'], to: 'ready', awaitsDependencies: true },
      {
        verb: 'pick',
        summary: 'Pick the first',
        from: ['waiting'],
        to: 'running',
        awaitsDependencies: true,
        claims: { order: 'job_id' },
      },
      { verb: 'finish', summary: 'Finish', from: ['waiting', 'ready', 'running', 'blocked'], to: 'done' },
      { verb: 'block', summary: 'Block', from: ['waiting', 'ready'], to: 'blocked' },
      { verb: 'release', summary: 'Release', from: ['blocked'], to: 'waiting', awaitsDependencies: true },
      { verb: 'reopen', summary: 'Reopen', from: ['done'], to: 'waiting' },
    ],
  }),
  operations: [
    {
      kind: 'logs',
      name: 'logs',
      summary: 'Show what it logged',
      entity: 'job-log',
      via: 'job_id',
      level: 'level',
      message: 'message',
      time: 'logged_at',
      beside: 'place',
    },
  ],
  list: { columns: ['job_id', 'title', 'status'], sort: 'job_id' },
})

const link = entity({
  name: 'link',
  table: 'links',
  summary: 'What jobs wait for',
  primaryKey: 'link_id',
  fields: {
    link_id: identityId('integer', 'link id'),
    job_id: reference('job', 'job_id', { summary: 'who waits', kind: 'integer', onDelete: 'cascade' }),
    needs_id: reference('job', 'job_id', { summary: 'for what', kind: 'integer', onDelete: 'cascade' }),
    link_type: oneOf(['blocks', 'needs', 'suggests'], { summary: 'kind', default: `'blocks'::text` }),
    why: text({ summary: 'reason', nullable: true }),
    is_met: boolean({ summary: 'met', default: 'false', settable: 'never' }),
    met_at: timestamp({ summary: 'when it was met', nullable: true, settable: 'never' }),
  },
  uniques: [{ name: 'uq_links', fields: ['job_id', 'needs_id', 'link_type'] }],
  verbs: ['list', 'get'],
  graph: {
    nodes: 'job',
    label: 'title',
    from: 'job_id',
    to: 'needs_id',
    kind: 'link_type',
    blocking: ['blocks', 'needs'],
    finished: ['done'],
    satisfied: { flag: 'is_met', at: 'met_at' },
    block: 'block',
    release: 'release',
    weight: 'hours',
  },
  operations: [
    {
      kind: 'assign',
      name: 'satisfy',
      summary: 'Let the job go on all the same',
      when: { is_met: false },
      set: { is_met: true },
      stamps: ['met_at'],
      otherwise: 'is met already',
    },
    {
      kind: 'assign',
      name: 'insist',
      summary: 'Let the job wait again',
      when: { is_met: true },
      set: { is_met: false },
      clears: ['met_at'],
      otherwise: 'is not met',
    },
  ],
  list: { columns: ['link_id', 'job_id', 'needs_id', 'link_type'], sort: 'link_id' },
})

const jobLog = entity({
  name: 'job-log',
  table: 'job_logs',
  summary: 'Log lines',
  primaryKey: 'log_id',
  fields: {
    log_id: identityId('bigint', 'line id'),
    job_id: reference('job', 'job_id', { summary: 'job', kind: 'integer', onDelete: 'cascade' }),
    level: oneOf(LEVELS, { summary: 'level', tones: { WARNING: 'active', ERROR: 'bad' } }),
    place: text({ summary: 'where', nullable: true }),
    message: text({ summary: 'what' }),
    logged_at: createdAt(),
  },
  verbs: ['list'],
  list: { columns: ['logged_at', 'level', 'message'], sort: '-logged_at' },
})

const note = entity({
  name: 'note',
  table: 'notes',
  summary: 'Notes',
  primaryKey: 'note_id',
  fields: {
    note_id: identityId('integer', 'note id'),
    talk_id: integer({ summary: 'talk it belongs to' }),
    answers_id: integer({ summary: 'what it answers', nullable: true }),
    author: text({ summary: 'who' }),
    kind: oneOf(['text', 'code'], { summary: 'kind' }),
    body: text({ summary: 'what' }),
    created_at: createdAt(),
  },
  verbs: ['list'],
  operations: [
    {
      kind: 'thread',
      name: 'thread',
      summary: 'Show a talk',
      by: 'talk_id',
      parent: 'answers_id',
      author: ['author'],
      text: 'body',
      time: 'created_at',
    },
  ],
  list: { columns: ['note_id', 'author'], sort: 'note_id' },
})

const versionsOf = {
  kind: 'versions',
  entity: 'page-version',
  via: 'page_id',
  number: 'version',
  compares: ['title', 'body', 'facts'],
} as const

const page = entity({
  name: 'page',
  table: 'pages',
  summary: 'Pages',
  primaryKey: 'page_id',
  fields: {
    page_id: identityId('integer', 'page id'),
    version: integer({ summary: 'version' }),
    title: text({ summary: 'title' }),
    body: text({ summary: 'body' }),
    facts: json({ summary: 'facts', nullable: true }),
  },
  verbs: ['list'],
  operations: [
    { ...versionsOf, name: 'versions', summary: 'List versions', shows: 'list' },
    { ...versionsOf, name: 'diff', summary: 'Compare versions', shows: 'difference' },
  ],
  list: { columns: ['page_id', 'title'], sort: 'page_id' },
})

const pageVersion = entity({
  name: 'page-version',
  table: 'page_versions',
  summary: 'Versions of pages',
  primaryKey: 'page_version_id',
  fields: {
    page_version_id: identityId('integer', 'id'),
    page_id: reference('page', 'page_id', { summary: 'page', kind: 'integer', onDelete: 'cascade' }),
    version: integer({ summary: 'number' }),
    title: text({ summary: 'title' }),
    body: text({ summary: 'body' }),
    facts: json({ summary: 'facts', nullable: true }),
    created_at: createdAt(),
  },
  verbs: ['list'],
  list: { columns: ['version', 'title', 'created_at'], sort: 'version' },
})

export const garden = system({
  name: 'garden',
  title: 'Garden',
  summary: 'Jobs that wait for jobs',
  entities: [job, link, jobLog, note, page, pageVersion],
  reports: [],
  retention: [],
  overview: { entity: 'job' },
})

/** What the registry of systems holds in these tests. */
export const gardenRegistry = {
  systems: [{ name: garden.name, title: garden.title, summary: garden.summary, load: async () => garden }],
}

export function scopeFor(name: string): Scope {
  const found = entityNamed(garden, name)
  if (!found) throw new Error(`no entity ${name}`)
  return { system: garden, entity: found, schema: SCHEMA }
}
