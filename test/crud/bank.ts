/**
 * A small bank of its own for the tests of secrets and ledgers: people with passwords, safes with encrypted contents,
 * accounts with balances, notices from outside.
 */
import type { Scope } from '../../src/crud/scope.ts'
import type { Database } from '../../src/db/database.ts'
import { entity } from '../../src/model/entity.ts'
import {
  bigint,
  createdAt,
  identityId,
  json,
  oneOf,
  reference,
  text,
  timestamp,
  uuidId,
  varchar,
} from '../../src/model/field.ts'
import type { PostOperation } from '../../src/model/operation.ts'
import { email, lowerCase, notBlank } from '../../src/model/rule.ts'
import { raw, sql } from '../../src/model/sql.ts'
import { entityNamed, system } from '../../src/model/system.ts'

const person = entity({
  name: 'person',
  plural: 'people',
  table: 'people',
  summary: 'People',
  primaryKey: 'id',
  handle: 'email',
  fields: {
    id: identityId('integer', 'person id'),
    email: varchar(255, { summary: 'e-mail address', rules: [email, lowerCase] }),
    hashed_password: varchar(255, {
      summary: 'bcrypt hash of the password',
      settable: 'create',
      sealed: { by: 'bcrypt', input: 'password' },
    }),
    otp_code: varchar(6, { summary: 'one-time code', nullable: true, settable: 'never', secret: true }),
  },
  uniques: [{ name: 'uq_people_email', fields: ['email'] }],
  verbs: ['list', 'get', 'create', 'update', 'import', 'export', 'bulk'],
  operations: [
    {
      kind: 'assign',
      name: 'set-password',
      summary: 'Give the person a new password',
      when: {},
      set: {},
      takes: { hashed_password: 'required' },
      clears: ['otp_code'],
      otherwise: 'cannot have another password',
    },
  ],
  list: { columns: ['id', 'email'], sort: 'email' },
})

const safe = entity({
  name: 'safe',
  table: 'safes',
  summary: 'Safes',
  primaryKey: 'id',
  handle: 'name',
  fields: {
    id: uuidId('safe id'),
    name: varchar(100, { summary: 'name', rules: [notBlank] }),
    contents: text({
      summary: 'contents, encrypted',
      nullable: true,
      settable: 'always',
      sealed: { by: 'aes-256-gcm', input: 'credentials' },
    }),
  },
  verbs: ['list', 'get', 'create', 'update', 'import', 'export', 'bulk'],
  operations: [
    {
      kind: 'assign',
      name: 'credentials set',
      summary: 'Store credentials',
      when: {},
      set: {},
      takes: { contents: 'required' },
      otherwise: 'cannot take credentials',
    },
    { kind: 'rotate', name: 'credentials rotate', summary: 'Seal again under a new key', field: 'contents' },
  ],
  list: { columns: ['id', 'name'], sort: 'name' },
})

export const deposit: PostOperation = {
  kind: 'post',
  name: 'deposit',
  summary: 'Book money that came',
  sign: 'plus',
  type: 'IN',
  takes: { transfer_id: 'required', reason: 'optional' },
  once: ['transfer_id'],
}

export const debit: PostOperation = {
  kind: 'post',
  name: 'debit',
  summary: 'Take money',
  sign: 'minus',
  type: 'OUT',
  takes: { reason: 'optional' },
}

const adjust: PostOperation = {
  kind: 'post',
  name: 'adjust',
  summary: 'Put a balance right',
  sign: 'given',
  type: 'FIX',
  takes: { reason: 'required' },
}

const account = entity({
  name: 'account',
  table: 'accounts',
  summary: 'Accounts',
  primaryKey: 'person_id',
  fields: {
    person_id: reference('person', 'id', {
      summary: 'owner',
      kind: 'integer',
      onDelete: 'cascade',
      settable: 'create',
    }),
    balance_cents: bigint({ summary: 'money', default: '0', settable: 'never' }),
  },
  verbs: ['list', 'get', 'create', 'update'],
  operations: [
    deposit,
    debit,
    adjust,
    {
      kind: 'reconcile',
      name: 'reconcile',
      summary: 'Compare balances with entries',
      repairType: 'FIX',
      reason: 'reason',
    },
  ],
  ledger: {
    balance: 'balance_cents',
    entries: 'entry',
    via: 'person_id',
    equals: 'person_id',
    amount: 'delta_cents',
    type: 'type',
  },
  list: { columns: ['person_id', 'balance_cents'], sort: 'person_id' },
})

const entry = entity({
  name: 'entry',
  plural: 'entries',
  table: 'entries',
  summary: 'Entries',
  primaryKey: 'id',
  fields: {
    id: identityId('bigint', 'entry id'),
    person_id: reference('person', 'id', {
      summary: 'owner',
      kind: 'integer',
      onDelete: 'restrict',
      settable: 'create',
    }),
    delta_cents: bigint({ summary: 'money that came or went', settable: 'create' }),
    type: oneOf(['IN', 'OUT', 'FIX'], { summary: 'type', settable: 'create' }),
    reason: text({ summary: 'reason', nullable: true, settable: 'create', rules: [notBlank] }),
    transfer_id: varchar(40, { summary: 'transfer', nullable: true, settable: 'create', rules: [notBlank] }),
    created_at: createdAt(),
  },
  uniques: [{ name: 'uq_entries_transfer_id', fields: ['transfer_id'] }],
  verbs: ['list', 'get'],
  list: { columns: ['id', 'person_id', 'type', 'delta_cents'], sort: 'id' },
})

const notice = entity({
  name: 'notice',
  table: 'notices',
  summary: 'Notices from outside',
  primaryKey: 'id',
  fields: {
    id: varchar(40, { summary: 'notice id', settable: 'create' }),
    type: varchar(40, { summary: 'type', settable: 'create' }),
    payload: json({ summary: 'payload', settable: 'create' }),
    processed_at: timestamp({ summary: 'when processed', nullable: true, settable: 'never' }),
    error: text({ summary: 'error', nullable: true, settable: 'never' }),
  },
  verbs: ['list', 'get', 'create'],
  operations: [
    {
      kind: 'replay',
      name: 'replay',
      summary: 'Work the notice off again',
      type: 'type',
      payload: 'payload',
      processedAt: 'processed_at',
      error: 'error',
      handlers: {
        'transfer.arrived': {
          entity: 'account',
          operation: 'deposit',
          row: 'data.owner',
          amount: 'data.lines.0.cents',
          values: { transfer_id: 'data.id', reason: 'data.words' },
        },
      },
    },
  ],
  list: { columns: ['id', 'type', 'error'], sort: 'id' },
})

export const bank = system({
  name: 'bank',
  title: 'Bank',
  summary: 'A small bank',
  entities: [person, safe, account, entry, notice],
  reports: [],
  retention: [],
  overview: { entity: 'person' },
})

export const bankEntry = { name: bank.name, title: bank.title, summary: bank.summary, load: async () => bank }

export function bankScope(name: string): Scope {
  const found = entityNamed(bank, name)
  if (!found) throw new Error(`no entity ${name}`)
  return { system: bank, entity: found, schema: 'bank' }
}

export async function createBank(db: Database): Promise<void> {
  const statements = [
    'CREATE SCHEMA bank',
    `CREATE TABLE bank.people (
      id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
      email varchar(255) NOT NULL CONSTRAINT uq_people_email UNIQUE,
      hashed_password varchar(255) NOT NULL,
      otp_code varchar(6))`,
    `CREATE TABLE bank.safes (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      name varchar(100) NOT NULL UNIQUE,
      contents text)`,
    `CREATE TABLE bank.accounts (
      person_id integer PRIMARY KEY REFERENCES bank.people ON DELETE CASCADE,
      balance_cents bigint NOT NULL DEFAULT 0 CHECK (balance_cents >= 0))`,
    `CREATE TABLE bank.entries (
      id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
      person_id integer NOT NULL REFERENCES bank.people ON DELETE RESTRICT,
      delta_cents bigint NOT NULL,
      type text NOT NULL,
      reason text,
      transfer_id varchar(40) CONSTRAINT uq_entries_transfer_id UNIQUE,
      created_at timestamptz NOT NULL DEFAULT now())`,
    `CREATE TABLE bank.notices (
      id varchar(40) PRIMARY KEY,
      type varchar(40) NOT NULL,
      payload jsonb NOT NULL,
      processed_at timestamptz,
      error text)`,
  ]
  for (const statement of statements) await db.execute(raw(statement))
}

/** A person with an account, and one entry that its balance is the sum of. */
export async function openAccount(db: Database, name: string, balance: bigint): Promise<string> {
  const { id } = await db.one<{ id: number }>(sql`
    INSERT INTO bank.people (email, hashed_password)
    VALUES (${`${name}@example.org`}, 'none')
    RETURNING id`)
  await db.execute(sql`INSERT INTO bank.accounts VALUES (${id}, ${balance}::bigint)`)
  if (balance > 0n) {
    await db.execute(sql`
      INSERT INTO bank.entries (person_id, delta_cents, type, reason)
      VALUES (${id}, ${balance}::bigint, 'IN', 'opening')`)
  }
  return String(id)
}
