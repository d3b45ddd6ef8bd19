/** What a schema really holds, in the form of the declarations. */
import * as catalog from '../db/catalog.ts'
import type { Database, Queryable } from '../db/database.ts'
import { type IndexDescription, partitioned, type SchemaDescription, type TableDescription } from './description.ts'

/** The schema's own record of applied migrations, and the sequence of its serial column, are left out. */
const isRecord = ({ name }: { readonly name: string }) => name.startsWith('steward_migrations')

/** Kinds of relation that declarations stand for. */
const DECLARED = new Set(['table', 'sequence', 'view'])

/**
 * Describes everything in the schema, in one snapshot and with an empty search path. Reads the catalog alone, which
 * needs no privilege on the tables.
 *
 * @param schema unquoted
 */
export function describeLive(db: Database, schema: string): Promise<SchemaDescription> {
  return catalog.withQualifiedNames(db, async (tx) => {
    const relations = (await catalog.relations(tx, schema)).filter((relation) => !isRecord(relation))
    const types = await catalog.types(tx, schema)
    const describeTable = await tableDescriber(tx, schema)
    const named = (kind: catalog.CatalogRelation['kind']) =>
      relations.filter((relation) => relation.kind === kind).map(({ name }) => name)
    return {
      tables: Object.fromEntries(
        relations
          .filter(({ kind }) => kind === 'table')
          .map(({ name, partitionedBy: by, hasDefaultPartition, persistence, rowSecurity }) => [
            name,
            {
              ...describeTable(name),
              partitionedBy: by === null ? null : partitioned(by, hasDefaultPartition),
              persistence,
              rowSecurity,
            },
          ]),
      ),
      types: Object.fromEntries(
        types.filter(({ kind }) => kind === 'enum').map(({ name, labels }) => [name, labels]),
      ),
      sequences: named('sequence'),
      functions: (await catalog.functions(tx, schema)).toSorted(),
      views: named('view'),
      others: [...relations.filter(({ kind }) => !DECLARED.has(kind)), ...types.filter(({ kind }) => kind !== 'enum')]
        .map(({ kind, name }) => `${kind} ${name}`)
        .sort(),
    }
  })
}

async function tableDescriber(
  tx: Queryable,
  schema: string,
): Promise<(table: string) => Omit<TableDescription, 'partitionedBy' | 'persistence' | 'rowSecurity'>> {
  const columns = await catalog.columns(tx, schema)
  const constraints = await catalog.constraints(tx, schema)
  const foreignKeys = await catalog.foreignKeysIn(tx, schema)
  const indexes = await catalog.indexes(tx, schema)
  const triggers = await catalog.triggers(tx, schema)
  return (name) => {
    const own = ({ table }: { readonly table: string }) => table === name
    const ofKind = (kind: catalog.CatalogConstraint['kind']) =>
      constraints.filter((constraint) => own(constraint) && constraint.kind === kind)
    return {
      columns: Object.fromEntries(columns.filter(own).map(({ table: _, name: column, ...rest }) => [column, rest])),
      primaryKey: ofKind('primary key').flatMap((key) => key.columns),
      foreignKeys: Object.fromEntries(
        foreignKeys.filter(own).map((key) => [
          key.name,
          {
            on: key.columns,
            table:
              key.referencedSchema === schema
                ? key.referencedTable
                : `${key.referencedSchema}.${key.referencedTable}`,
            columns: key.referencedColumns,
            onDelete: key.onDelete,
            onUpdate: key.onUpdate,
            deferrability: key.deferrability,
            validity: key.validity,
          },
        ]),
      ),
      uniques: Object.fromEntries(
        ofKind('unique').map(({ name: unique, columns: on, deferrability }) => [
          unique,
          {
            on,
            nullsNotDistinct: indexes.some(
              (index) => index.constraint === unique && index.nullsNotDistinct && own(index),
            ),
            deferrability,
          },
        ]),
      ),
      checks: Object.fromEntries(
        [...ofKind('check'), ...ofKind('exclusion')].map((check) => [
          check.name,
          `${check.expression ?? ''}${check.validity === 'valid' ? '' : ` ${check.validity.toUpperCase()}`}`,
        ]),
      ),
      indexes: Object.fromEntries(
        indexes
          .filter((index) => own(index) && index.constraint === null)
          .map((index) => [index.name, describeIndex(index)]),
      ),
      triggers: Object.fromEntries(
        triggers.filter(own).map((trigger) => [trigger.name, trigger.enabled ? 'enabled' : 'disabled']),
      ),
    }
  }
}

/** What an index is besides its name. A column that it only carries is none of the declared ones. */
export function describeIndex(index: catalog.CatalogIndex): IndexDescription {
  const { on, includes, method, unique, nullsNotDistinct, where, valid } = index
  return {
    on: [...on, ...includes.map((column) => `INCLUDE ${column}`)],
    method,
    unique,
    nullsNotDistinct,
    where,
    valid,
  }
}
