/**
 * `--include steps,artifacts`, `--include steps.actions`: related rows, one query a relation whatever the number of
 * rows, at most two levels deep.
 */
import type { Queryable } from '../db/database.ts'
import { InvalidValue } from '../errors.ts'
import type { Cells, Column } from '../model/column.ts'
import type { Entity } from '../model/entity.ts'
import { linkOf } from '../model/field.ts'
import { nearest } from '../model/nearest.ts'
import { identifier, raw, sql } from '../model/sql.ts'
import { type Relation, relationsOf, type System } from '../model/system.ts'
import { castType, fieldOf, type Scope, scopeOf, tableOf } from './scope.ts'
import { columnsOf, selectList, visibleFields } from './select.ts'
import { aliveSql } from './soft-delete.ts'
import { orderBy, type SortKey, sortFrom } from './sort.ts'

/** A relation to load, and the relations of its rows. */
export interface Include {
  readonly relation: Relation
  readonly includes: readonly Include[]
}

/** Rows of a relation that were left out, for a word on stderr. */
export interface Cut {
  readonly relation: Relation
  /** Key of the row whose related rows are not all there. */
  readonly of: string
}

export interface IncludeOptions {
  /** Children that are marked as deleted as well; parents are shown in any case. */
  readonly deleted?: boolean
}

/** Most rows of one relation for one row; beyond it a list is the better tool. */
export const MAX_RELATED = 1000

const DEEPEST = 2

/**
 * Reads the values of `--include`.
 *
 * @param paths relation names, dots between levels
 * @throws InvalidValue naming the first unknown relation, or a path that is too deep
 */
export function parseIncludes(system: System, entity: Entity, paths: readonly string[]): Include[] {
  return merged(
    system,
    entity,
    paths.map((path) => path.split('.')),
    1,
  )
}

/** The names that `--include` accepts for an entity, first level. */
function includableRelations(system: System, entity: Entity): Relation[] {
  const names = new Set<string>()
  return relationsOf(system, entity).filter(({ name }) => !names.has(name) && names.add(name))
}

/** The property of a row that holds a relation: `workflow_runs`; `created_by_user` beside the field `created_by`. */
export function propertyOf(relation: Relation): string {
  const name = relation.name.replaceAll('-', '_')
  const taken = relation.kind === 'one' && name === relation.via
  return taken ? `${name}_${relation.entity.name.replaceAll('-', '_')}` : name
}

/** The columns of a relation's rows, nested relations last. */
export function columnsWithin(include: Include): Column[] {
  return [
    ...columnsOf(include.relation.entity),
    ...include.includes.map((nested): Column => ({ key: propertyOf(nested.relation), kind: 'json' })),
  ]
}

/**
 * Adds the related rows to each row, as an array (`many`) or as an object or null (`one`), under `propertyOf`.
 *
 * @param rows rows of `scope.entity`; they must hold its primary key and every field that a relation starts from
 */
export async function withIncludes(
  db: Queryable,
  scope: Scope,
  rows: readonly Cells[],
  includes: readonly Include[],
  options: IncludeOptions = {},
): Promise<{ readonly rows: Cells[]; readonly cuts: Cut[] }> {
  const cuts: Cut[] = []
  const loaded: { readonly property: string; readonly of: (row: Cells) => unknown }[] = []
  for (const include of includes) {
    const { relation } = include
    const child = scopeOf(scope, relation.entity)
    const related =
      relation.kind === 'many'
        ? await children(db, scope, relation, rows, cuts, options)
        : await parents(db, scope, relation, rows)
    const nested = await withIncludes(db, child, related, include.includes, options)
    cuts.push(...nested.cuts)
    loaded.push({ property: propertyOf(relation), of: finder(scope, relation, nested.rows) })
  }
  return {
    rows: rows.map((row) => ({
      ...row,
      ...Object.fromEntries(loaded.map(({ property, of }) => [property, of(row)])),
    })),
    cuts,
  }
}

/** At most MAX_RELATED children of each row: LATERAL stops each one's index scan there. */
async function children(
  db: Queryable,
  scope: Scope,
  relation: Relation,
  rows: readonly Cells[],
  cuts: Cut[],
  { deleted = false }: IncludeOptions,
): Promise<Cells[]> {
  const key = referencedField(relation)
  const keys = distinct(rows, key)
  if (keys.length === 0) return []
  const child = scopeOf(scope, relation.entity)
  const sort = childOrder(relation)
  const read = visibleFields(relation.entity)
  const parentType = castType(scope, fieldOf(scope.entity, key))
  const found = await db.rows<Cells>(sql`
    SELECT ${selectList(read, 'child')}
    FROM unnest(${keys}::${parentType}[]) WITH ORDINALITY AS parent (id, place)
    CROSS JOIN LATERAL (
      SELECT ${selectList(read)}
      FROM ${tableOf(child)}
      WHERE ${identifier(relation.via)} = parent.id
        AND ${deleted ? raw('TRUE') : aliveSql(child)}
      ORDER BY ${orderBy(sort)}
      LIMIT ${MAX_RELATED + 1}::bigint
    ) AS child
    ORDER BY parent.place, ${orderBy(sort, 'child')}`)
  const counts = new Map<string, number>()
  return found.filter((row) => {
    const of = String(row[relation.via])
    const count = (counts.get(of) ?? 0) + 1
    counts.set(of, count)
    if (count === MAX_RELATED + 1) cuts.push({ relation, of })
    return count <= MAX_RELATED
  })
}

async function parents(db: Queryable, scope: Scope, relation: Relation, rows: readonly Cells[]): Promise<Cells[]> {
  const keys = distinct(rows, relation.via)
  if (keys.length === 0) return []
  const parent = scopeOf(scope, relation.entity)
  const key = linkOf(fieldOf(scope.entity, relation.via))?.field ?? relation.entity.primaryKey
  return db.rows<Cells>(sql`
    SELECT ${selectList(visibleFields(relation.entity))}
    FROM ${tableOf(parent)}
    WHERE ${identifier(key)} = ANY (${keys}::${castType(parent, fieldOf(relation.entity, key))}[])`)
}

function finder(scope: Scope, relation: Relation, related: readonly Cells[]): (row: Cells) => unknown {
  if (relation.kind === 'many') {
    const groups = new Map<string, Cells[]>()
    for (const row of related) {
      const of = String(row[relation.via])
      const group = groups.get(of)
      if (group) group.push(row)
      else groups.set(of, [row])
    }
    const key = referencedField(relation)
    return (row) => groups.get(String(row[key])) ?? []
  }
  const key = linkOf(fieldOf(scope.entity, relation.via))?.field ?? relation.entity.primaryKey
  const byKey = new Map(related.map((row) => [String(row[key]), row]))
  return (row) => byKey.get(String(row[relation.via])) ?? null
}

/** The field of the parent that a child's link points to. */
function referencedField(relation: Relation): string {
  const link = linkOf(fieldOf(relation.entity, relation.via))
  if (!link) throw new RangeError(`${relation.entity.name}.${relation.via} names no row`)
  return link.field
}

/** Numbered children come in their order (steps of a task), others as their own list has them. */
function childOrder(relation: Relation): SortKey[] {
  const { entity } = relation
  const numbered = Object.keys(entity.fields).find((key) =>
    fieldOf(entity, key).numberedWithin?.includes(relation.via),
  )
  return sortFrom(entity, numbered)
}

function distinct(rows: readonly Cells[], key: string): string[] {
  const values = rows.map((row) => row[key]).filter((value) => value !== null && value !== undefined)
  return [...new Set(values.map(String))]
}

function merged(system: System, entity: Entity, paths: readonly (readonly string[])[], level: number): Include[] {
  const relations = includableRelations(system, entity)
  const byName = new Map<Relation, string[][]>()
  for (const [name = '', ...rest] of paths) {
    if (level > DEEPEST) throw new InvalidValue(`goes at most ${DEEPEST} levels deep`)
    const relation = relations.find((candidate) => candidate.name === name || propertyOf(candidate) === name)
    if (!relation) throw new InvalidValue(unknownRelation(entity, name, relations))
    const nested = byName.get(relation) ?? []
    byName.set(relation, rest.length > 0 ? [...nested, rest] : nested)
  }
  return [...byName].map(([relation, nested]) => ({
    relation,
    includes: merged(system, relation.entity, nested, level + 1),
  }))
}

function unknownRelation(entity: Entity, name: string, relations: readonly Relation[]): string {
  const names = relations.map((relation) => relation.name)
  const near = nearest(name, names)
  if (near) return `names '${name}', which ${entity.name} does not have (did you mean ${near}?)`
  return `names '${name}', which ${entity.name} does not have; it has ${names.join(', ') || 'no relations'}`
}
