/** What the tests of writing share: the scope of an entity, an actor, parents to hang rows on. */
import type { Candidate } from '../../src/crud/candidate.ts'
import { createRows } from '../../src/crud/create.ts'
import { inputReader } from '../../src/crud/input.ts'
import type { Scope } from '../../src/crud/scope.ts'
import type { Form } from '../../src/crud/typed.ts'
import type { Actor } from '../../src/db/audit.ts'
import type { Database } from '../../src/db/database.ts'
import { type Problem, StewardError } from '../../src/errors.ts'
import type { Cells } from '../../src/model/column.ts'
import type { Entity } from '../../src/model/entity.ts'
import { identifier, sql } from '../../src/model/sql.ts'
import { entityNamed } from '../../src/model/system.ts'
import { skyvern } from '../../src/systems/skyvern/index.ts'

export const actor: Actor = { command: 'test', argv: ['test'], osUser: 'tester', host: 'test-host' }

export function scopeFor(name: string, change: (entity: Entity) => Entity = (entity) => entity): Scope {
  const entity = entityNamed(skyvern, name)
  if (!entity) throw new Error(`no entity ${name}`)
  return { system: skyvern, entity: change(entity), schema: 'skyvern' }
}

/** Creates one row from JSON values, as `create --from` would. */
export async function create(
  db: Database,
  scope: Scope,
  raw: Record<string, unknown>,
  form: Form = 'json',
): Promise<Cells> {
  const reader = await inputReader(scope.entity, 'create')
  const reading = reader.read(raw, form)
  const candidate: Candidate = { values: reading.values, problems: [...reading.problems, ...reader.missing(reading)] }
  const [row] = await createRows(db, scope, [candidate], { actor })
  if (!row) throw new Error('no row')
  return row
}

export async function organization(db: Database, raw: Record<string, unknown> = {}): Promise<string> {
  const name = `Organization ${Math.random().toString(36).slice(2)}`
  const row = await create(db, scopeFor('organization'), { organization_name: name, ...raw })
  return String(row.organization_id)
}

export async function task(db: Database, organizationId: string, raw: Record<string, unknown> = {}): Promise<string> {
  const row = await create(db, scopeFor('task'), {
    organization_id: organizationId,
    url: 'https://example.org/start',
    navigation_goal: 'Find the invoice',
    ...raw,
  })
  return String(row.task_id)
}

/** Puts a row into a state without going through the lifecycle. */
export async function setStatus(db: Database, scope: Scope, id: string, status: string): Promise<void> {
  const { entity, schema } = scope
  await db.execute(sql`
    UPDATE ${identifier(schema, entity.table)} SET status = ${status}
    WHERE ${identifier(entity.primaryKey)} = ${id}`)
}

/** The problems of a refusal, also when there was only one and it became the message. */
export async function refusal(
  work: Promise<unknown>,
): Promise<{ error: StewardError; problems: readonly Problem[] }> {
  try {
    await work
  } catch (error) {
    if (!(error instanceof StewardError)) throw error
    return { error, problems: error.problems }
  }
  throw new Error('nothing was refused')
}

export async function auditOf(db: Database, id: string): Promise<Cells[]> {
  return db.rows<Cells>(sql`SELECT * FROM steward.audit_log WHERE row_id = ${id} ORDER BY audit_id`)
}
