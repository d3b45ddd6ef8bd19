/**
 * A system of its own for the tests of rows: keys of every kind, readable names, soft deletion, a partitioned table,
 * generated columns, JSON, tags, full text, and fields that are called like flags.
 */
import type { Scope } from '../../src/crud/scope.ts'
import type { Database } from '../../src/db/database.ts'
import { entity } from '../../src/model/entity.ts'
import {
  createdAt,
  identityId,
  integer,
  json,
  oneOf,
  reference,
  text,
  textArray,
  timestamp,
  uuid,
  uuidId,
  varchar,
  varcharArray,
} from '../../src/model/field.ts'
import { lifecycle } from '../../src/model/lifecycle.ts'
import { email, lowerCase } from '../../src/model/rule.ts'
import { raw } from '../../src/model/sql.ts'
import { entityNamed, system } from '../../src/model/system.ts'

const ALL = ['list', 'get', 'create', 'update', 'delete', 'count', 'import', 'export', 'bulk'] as const

const author = entity({
  name: 'author',
  aliases: ['writer'],
  table: 'authors',
  summary: 'Authors',
  primaryKey: 'id',
  handle: 'email',
  fields: {
    id: uuidId('author id'),
    email: varchar(80, { summary: 'address', rules: [email, lowerCase] }),
    name: text({ summary: 'name', nullable: true }),
    mentor_id: reference('author', 'id', { kind: 'uuid', summary: 'mentor', onDelete: 'set null', nullable: true }),
    deleted_at: timestamp({ summary: 'when it was deleted', nullable: true, settable: 'never' }),
    created_at: createdAt(),
  },
  uniques: [{ name: 'uq_authors_email', fields: ['email'] }],
  softDelete: { field: 'deleted_at' },
  verbs: ALL,
  list: { columns: ['id', 'email', 'name'], sort: 'email', search: ['email'], time: 'created_at' },
})

const account = entity({
  name: 'account',
  table: 'accounts',
  summary: 'Accounts of authors, by the author',
  primaryKey: 'author_id',
  fields: {
    author_id: reference('author', 'id', { kind: 'uuid', summary: 'owner', onDelete: 'cascade', settable: 'create' }),
    balance: integer({ summary: 'balance', default: '0' }),
  },
  verbs: ['list', 'get', 'create', 'update', 'delete'],
  list: { columns: ['author_id', 'balance'], sort: 'author_id' },
})

const topic = entity({
  name: 'topic',
  table: 'topics',
  summary: 'Topics of shelves',
  primaryKey: 'code',
  fields: {
    code: varchar(20, { summary: 'code' }),
    shelf: varchar(20, { summary: 'shelf' }),
    standing: oneOf(['on', 'off'], { summary: 'standing', default: "'on'::text" }),
  },
  verbs: ALL,
  list: { columns: ['code', 'shelf'], sort: 'code' },
})

const book = entity({
  name: 'book',
  table: 'books',
  summary: 'Books',
  primaryKey: 'id',
  handle: 'slug',
  fields: {
    id: identityId('integer', 'book id'),
    author_id: reference('author', 'id', { kind: 'uuid', summary: 'author', onDelete: 'cascade' }),
    slug: varchar(40, { summary: 'readable name' }),
    title: text({ summary: 'title' }),
    text: text({ summary: 'text', nullable: true }),
    letters: integer({ summary: 'letters of the title', nullable: true, generated: 'length(title)' }),
    state: oneOf(['draft', 'published', 'archived'], {
      summary: 'state',
      default: "'draft'::text",
      settable: 'never',
    }),
    shelf: varchar(20, { summary: 'shelf', nullable: true }),
    topics: json({ summary: 'topics', nullable: true }),
    config: json({ summary: 'configuration', nullable: true }),
    tags: varcharArray(20, { summary: 'tags', default: "'{}'::character varying[]" }),
    // Called like flags of the verbs.
    format: oneOf(['paper', 'screen'], { summary: 'format', nullable: true }),
    limit: integer({ summary: 'copies at most', nullable: true }),
    sort: text({ summary: 'sorting', nullable: true }),
    file: text({ summary: 'file', nullable: true }),
    version: integer({ summary: 'version', nullable: true }),
    deleted_at: timestamp({ summary: 'when it was deleted', nullable: true, settable: 'never' }),
    created_at: createdAt(),
  },
  uniques: [{ name: 'uq_books_slug', fields: ['slug'] }],
  lifecycle: lifecycle({
    field: 'state',
    initial: 'draft',
    states: { draft: 'waiting', published: 'active', archived: 'terminal' },
    endedAt: {},
    transitions: [
      { verb: 'publish', summary: 'Publish', from: ['draft'], to: 'published' },
      { verb: 'archive', summary: 'Archive', from: ['draft', 'published'], to: 'archived' },
      { verb: 'restore', summary: 'Restore', from: ['archived'], to: 'draft' },
    ],
  }),
  softDelete: {
    field: 'deleted_at',
    only: [{ field: 'state', isOneOf: ['draft', 'archived'], says: 'it is on sale; archive it first' }],
  },
  derived: {
    field: 'topics',
    from: 'topic',
    collects: 'code',
    matching: { shelf: 'shelf' },
    where: { standing: 'on' },
    otherwise: 'has no active topics',
  },
  fullText: { column: 'words', configuration: 'english', generated: '' },
  verbs: ALL,
  list: {
    columns: ['id', 'slug', 'state', 'created_at'],
    sort: '-created_at',
    search: ['title', 'text'],
    time: 'created_at',
    tags: 'tags',
  },
})

const page = entity({
  name: 'page',
  table: 'pages',
  summary: 'Pages of books',
  primaryKey: 'id',
  fields: {
    id: identityId('bigint', 'page id'),
    book_id: reference('book', 'id', { kind: 'integer', summary: 'book', onDelete: 'cascade' }),
    number: integer({ summary: 'number', numberedWithin: ['book_id'], settable: 'never' }),
    labels: json({ summary: 'labels', nullable: true }),
    marks: textArray({ summary: 'marks', nullable: true }),
  },
  uniques: [{ name: 'uq_pages_number', fields: ['book_id', 'number'] }],
  verbs: ALL,
  list: { columns: ['id', 'book_id', 'number'], sort: 'id', tags: 'labels' },
})

const reading = entity({
  name: 'reading',
  table: 'readings',
  summary: 'Readings, by month',
  primaryKey: 'id',
  fields: {
    id: uuidId('reading id'),
    book_id: reference('book', 'id', { kind: 'integer', summary: 'book', onDelete: 'cascade' }),
    reader: uuid({ summary: 'reader', nullable: true }),
    created_at: timestamp({ summary: 'when', default: 'now()' }),
  },
  partitionedBy: { field: 'created_at', every: 'month', ahead: 1 },
  verbs: ALL,
  list: { columns: ['id', 'book_id', 'created_at'], sort: '-created_at', time: 'created_at' },
})

export const press = system({
  name: 'press',
  title: 'Press',
  summary: 'Books and who wrote them',
  entities: [author, account, topic, book, page, reading],
  reports: [],
  retention: [],
  overview: { entity: 'book' },
})

/** What stands in for `src/systems/registry.ts`, so that `steward press …` is a command. */
export const registry = {
  systems: [{ name: 'press', title: 'Press', summary: press.summary, load: async () => press }],
}

export function scopeOf(name: string): Scope {
  const found = entityNamed(press, name)
  if (!found) throw new Error(`no entity ${name}`)
  return { system: press, entity: found, schema: 'press' }
}

export async function createPress(db: Database): Promise<void> {
  for (const statement of STATEMENTS) await db.execute(raw(statement))
}

const STATEMENTS = [
  `CREATE SCHEMA press`,
  `CREATE TABLE press.authors (
     id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
     email varchar(80) NOT NULL CONSTRAINT uq_authors_email UNIQUE,
     name text,
     mentor_id uuid REFERENCES press.authors ON DELETE SET NULL,
     deleted_at timestamptz,
     created_at timestamptz NOT NULL DEFAULT now()
   )`,
  `CREATE TABLE press.accounts (
     author_id uuid PRIMARY KEY REFERENCES press.authors ON DELETE CASCADE,
     balance integer NOT NULL DEFAULT 0
   )`,
  `CREATE TABLE press.topics (code varchar(20) PRIMARY KEY, shelf varchar(20) NOT NULL, standing text NOT NULL DEFAULT 'on')`,
  `CREATE TABLE press.books (
     id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
     author_id uuid NOT NULL REFERENCES press.authors ON DELETE CASCADE,
     slug varchar(40) NOT NULL CONSTRAINT uq_books_slug UNIQUE,
     title text NOT NULL,
     text text,
     letters integer GENERATED ALWAYS AS (length(title)) STORED,
     state text NOT NULL DEFAULT 'draft',
     shelf varchar(20),
     topics jsonb,
     config jsonb,
     tags varchar(20)[] NOT NULL DEFAULT '{}',
     format text,
     "limit" integer,
     sort text,
     file text,
     version integer,
     deleted_at timestamptz,
     created_at timestamptz NOT NULL DEFAULT now(),
     words tsvector GENERATED ALWAYS AS (
       to_tsvector('english'::regconfig, title || ' ' || coalesce(text, ''))
     ) STORED
   )`,
  `CREATE INDEX ON press.books (author_id)`,
  `CREATE INDEX books_config ON press.books USING gin (config)`,
  `CREATE INDEX books_tags ON press.books USING gin (tags)`,
  `CREATE INDEX books_words ON press.books USING gin (words)`,
  `CREATE TABLE press.pages (
     id bigint GENERATED BY DEFAULT AS IDENTITY (START WITH 9007199254740993) PRIMARY KEY,
     book_id integer NOT NULL REFERENCES press.books ON DELETE CASCADE,
     number integer NOT NULL,
     labels jsonb,
     marks text[],
     CONSTRAINT uq_pages_number UNIQUE (book_id, number)
   )`,
  `CREATE INDEX pages_labels ON press.pages USING gin (labels)`,
  `CREATE TABLE press.readings (
     id uuid NOT NULL DEFAULT gen_random_uuid(),
     book_id integer NOT NULL REFERENCES press.books ON DELETE CASCADE,
     reader uuid,
     created_at timestamptz NOT NULL DEFAULT now(),
     PRIMARY KEY (id, created_at)
   ) PARTITION BY RANGE (created_at)`,
  `CREATE INDEX ON press.readings (book_id)`,
  `CREATE TABLE press.readings_y2026m10 PARTITION OF press.readings FOR VALUES FROM ('2026-10-01') TO ('2026-11-01')`,
  `CREATE TABLE press.readings_default PARTITION OF press.readings DEFAULT`,
]
