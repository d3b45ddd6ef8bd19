/**
 * From what a person calls a row to its key: ids are read by the kind of the key, and where an entity declares a handle,
 * texts that are no id are looked up by it (decision 32: an execution by its UUID or by its readable id).
 */
import type { Queryable } from '../db/database.ts'
import { InvalidValue, type Problem } from '../errors.ts'
import type { Entity, Fields } from '../model/entity.ts'
import { type Field, linkOf } from '../model/field.ts'
import { identifier, type Sql, sql } from '../model/sql.ts'
import { entityNamed, type System } from '../model/system.ts'
import type { Candidate } from './candidate.ts'
import type { Reading, Values } from './input.ts'
import { distinct, notFound } from './missing.ts'
import { castType, fieldOf, refuseProblems, type Scope, scopeOf, tableOf } from './scope.ts'
import { parseValue } from './values.ts'
import { missingParent } from './violations.ts'

/** Where the rows of an entity have their readable names. */
export interface Naming {
  /** The entity itself, or the one that its primary key refers to. */
  readonly entity: Entity
  /** Field of that entity with the key that is looked for. */
  readonly key: string
  readonly handle: string
}

/** How rows of the entity are named besides their id; undefined when they are not. */
export function namingOf(system: System, entity: Entity): Naming | undefined {
  if (entity.handle !== undefined) return { entity, key: entity.primaryKey, handle: entity.handle }
  const { reference } = fieldOf(entity, entity.primaryKey)
  const parent = reference && entityNamed(system, reference.entity)
  // The wallet of a user is known by what the user is known by.
  return parent && parent !== entity && reference.field === parent.primaryKey ? namingOf(system, parent) : undefined
}

/** The same for what a field refers to, by a reference or by name only. */
export function namingOfReference(system: System, field: Field): Naming | undefined {
  const link = linkOf(field)
  const parent = link && entityNamed(system, link.entity)
  if (!parent) return undefined
  if (link.field === parent.primaryKey) return namingOf(system, parent)
  return parent.handle === undefined ? undefined : { entity: parent, key: link.field, handle: parent.handle }
}

/**
 * The ids that the texts mean, canonical, each once and in the order given. Without a handle nothing is asked of the
 * database: an id that is well formed may still have no row.
 *
 * @throws UsageError (exit 2) naming every text that is no id; NotFoundError (exit 4) naming every unknown handle
 */
export async function resolveIds(db: Queryable, scope: Scope, texts: readonly string[]): Promise<string[]> {
  const { entity, system } = scope
  const field = fieldOf(entity, entity.primaryKey)
  const naming = namingOf(system, entity)
  const problems: Problem[] = []
  const read = texts.map((text) => {
    try {
      return { text, id: String(parseValue(field, text)) }
    } catch (error) {
      if (!(error instanceof InvalidValue)) throw error
      if (!naming) problems.push({ where: `<id> ${JSON.stringify(text)}`, reason: error.message })
      return { text, id: undefined }
    }
  })
  refuseProblems(problems, `Ids of ${entity.name} are of type ${field.sqlType}`)
  if (!naming) return distinct(read.flatMap(({ id }) => id ?? []))
  const asked = read.filter(({ id }) => id === undefined || field.kind === 'text').map(({ text }) => text)
  const keys = await keysOf(db, scope, naming, asked)
  const unknown = read.filter(({ text, id }) => id === undefined && !keys.has(text)).map(({ text }) => text)
  if (unknown.length > 0) throw notFound(scope, unknown)
  return distinct(read.flatMap(({ text, id }) => (keys.has(text) ? String(keys.get(text)) : (id ?? []))))
}

/**
 * Values with the handles in their reference fields replaced by keys.
 *
 * @param fields what the values are of; the entity's own fields when absent
 * @returns the values, and a problem for each text that means no row
 */
export async function resolveReferences(
  db: Queryable,
  scope: Scope,
  values: Values,
  fields: Fields = scope.entity.fields,
): Promise<Reading> {
  const candidate: Candidate = { values, problems: [] }
  await resolveCandidates(db, scope, [candidate], fields)
  return candidate
}

/** As `resolveReferences`, for many rows with one question a field. */
export async function resolveCandidates(
  db: Queryable,
  scope: Scope,
  candidates: readonly Candidate[],
  fields: Fields = scope.entity.fields,
): Promise<void> {
  for (const [key, field] of Object.entries(fields)) {
    if (!field.reference) continue
    const naming = namingOfReference(scope.system, field)
    const named = candidates.filter(({ values }) => mayBeName(field, values[key], naming))
    if (named.length === 0) continue
    const keys = naming
      ? await keysOf(db, scope, naming, distinct(named.map(({ values }) => String(values[key]))))
      : new Map()
    for (const candidate of named) {
      const text = String(candidate.values[key])
      if (keys.has(text)) candidate.values = { ...candidate.values, [key]: keys.get(text) }
      // Of a text key that is no name either, the check of parents says that it does not exist.
      else if (field.kind !== 'text') {
        const { [key]: _, ...rest } = candidate.values
        candidate.values = rest
        candidate.problems.push(
          naming ? missingParent(key, field, text) : { where: key, reason: whyNoId(field, text) },
        )
      }
    }
  }
}

/** The key that one text means, as an expression of the key's type; NULL when it means none. */
export function keySql(scope: Scope, naming: Naming, text: string): Sql {
  const named = scopeOf(scope, naming.entity)
  const byHandle = sql`(SELECT ${identifier(naming.key)} FROM ${tableOf(named)} WHERE ${matches(named, naming.handle, [text])})`
  if (fieldOf(naming.entity, naming.key).kind !== 'text') return byHandle
  return sql`coalesce(
    (SELECT ${identifier(naming.key)} FROM ${tableOf(named)} WHERE ${matches(named, naming.key, [text])}),
    ${byHandle}
  )`
}

/** True when the text cannot be an id of this field's kind, so that it can only be a name. */
export function isNoId(field: Field, text: string): boolean {
  try {
    parseValue(field, text)
    return false
  } catch (error) {
    if (error instanceof InvalidValue) return true
    throw error
  }
}

/** The keys that texts mean, by text, as the database holds them; an id wins over a handle that reads the same. */
export async function keysOf(
  db: Queryable,
  scope: Scope,
  naming: Naming,
  texts: readonly string[],
): Promise<Map<string, unknown>> {
  if (texts.length === 0) return new Map()
  const named = scopeOf(scope, naming.entity)
  const ofText = fieldOf(naming.entity, naming.key).kind === 'text'
  const rows = await db.rows<{ id: unknown; handle: string }>(sql`
    SELECT ${identifier(naming.key)} AS id, ${identifier(naming.handle)}::text AS handle
    FROM ${tableOf(named)}
    WHERE ${matches(named, naming.handle, texts)}
    ${ofText ? sql`OR ${matches(named, naming.key, texts)}` : sql``}`)
  const byHandle = new Map(rows.map(({ id, handle }) => [handle, id]))
  const byId = new Map(rows.map(({ id }) => [String(id), id]))
  const handle = fieldOf(naming.entity, naming.handle)
  return new Map(
    texts.flatMap((text): [string, unknown][] => {
      const id = (ofText ? byId.get(text) : undefined) ?? byHandle.get(canonical(handle, text))
      return id === undefined ? [] : [[text, id]]
    }),
  )
}

function matches(scope: Scope, key: string, texts: readonly string[]): Sql {
  const field = fieldOf(scope.entity, key)
  // No column holds U+0000, and the protocol cannot even carry it.
  const sound = texts.filter((text) => !text.includes('\0')).map((text) => canonical(field, text))
  return sql`${identifier(key)} = ANY (${sound}::${castType(scope, field)}[])`
}

/** The text as the field stores it: an e-mail address in lower case. */
function canonical({ rules }: Field, text: string): string {
  return rules.reduce((current, { normalise }) => String(normalise?.(current) ?? current), text)
}

function mayBeName(field: Field, value: unknown, naming: Naming | undefined): boolean {
  if (typeof value !== 'string') return false
  return field.kind === 'text' ? naming !== undefined : isNoId(field, value)
}

function whyNoId(field: Field, text: string): string {
  try {
    parseValue(field, text)
  } catch (error) {
    if (error instanceof InvalidValue) return error.message
    throw error
  }
  return 'is no id'
}
