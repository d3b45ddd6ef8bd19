/** What a schema really holds, in the form of the declarations. */
import * as catalog from '../../../src/db/catalog.ts'
import type { Database, Queryable } from '../../../src/db/database.ts'
import type { IndexDescription, SchemaDescription, TableDescription } from './description.ts'

/** The schema's own record of applied migrations, and the sequence of its serial column, are left out. */
const isRecord = ({ name }: { readonly name: string }) => name.startsWith('steward_migrations')

/** Describes everything in the schema (named unquoted), in one snapshot and with an empty search path. */
export function describeCatalog(db: Database, schema: string): Promise<SchemaDescription> {
  return catalog.withQualifiedNames(db, async (tx) => {
    const relations = await catalog.relations(tx, schema)
    const types = await catalog.types(tx, schema)
    const describeTable = await tableDescriber(tx, schema)
    return {
      tables: Object.fromEntries(
        relations
          .filter((relation) => relation.kind === 'table' && !isRecord(relation))
          .map(({ name }) => [name, describeTable(name)]),
      ),
      types: Object.fromEntries(
        types.filter(({ kind }) => kind === 'enum').map(({ name, labels }) => [name, labels]),
      ),
      sequences: relations
        .filter((relation) => relation.kind === 'sequence' && !isRecord(relation))
        .map(({ name }) => name),
      functions: await catalog.functions(tx, schema),
      others: [
        ...relations.filter(({ kind }) => kind !== 'table' && kind !== 'sequence'),
        ...types.filter(({ kind }) => kind !== 'enum'),
      ]
        .map(({ name }) => name)
        .sort(),
    }
  })
}

async function tableDescriber(tx: Queryable, schema: string): Promise<(table: string) => TableDescription> {
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
      columns: Object.fromEntries(
        columns
          .filter(own)
          .map(({ name: column, type, nullable, default: expression }) => [
            column,
            { type, nullable, default: expression },
          ]),
      ),
      primaryKey: ofKind('primary key').flatMap((key) => key.columns),
      foreignKeys: Object.fromEntries(
        foreignKeys.filter(own).map((key) => [
          key.columns.join(),
          {
            name: key.name,
            table: key.referencedTable,
            column: key.referencedColumns.join(),
            onDelete: key.onDelete,
          },
        ]),
      ),
      uniques: Object.fromEntries(ofKind('unique').map((unique) => [unique.name, unique.columns])),
      checks: Object.fromEntries(
        [...ofKind('check'), ...ofKind('exclusion')].map((check) => [check.name, check.expression ?? '']),
      ),
      indexes: Object.fromEntries(
        indexes
          .filter((index) => own(index) && index.valid && index.constraint === null)
          .map((index) => [index.name, describeIndex(index)]),
      ),
      triggers: triggers.filter(own).map((trigger) => trigger.name),
    }
  }
}

/** What an index is besides its name. A column that it only carries is none of the declared ones. */
export function describeIndex({ on, includes, method, unique, where }: catalog.CatalogIndex): IndexDescription {
  return { on: [...on, ...includes.map((column) => `INCLUDE ${column}`)], method, unique, where }
}
