/** What the declarations of a system promise about its schema. */
import type { Entity } from '../model/entity.ts'
import { entityNamed, type System } from '../model/system.ts'
import { type ColumnDescription, partitioned, type SchemaDescription, type TableDescription } from './description.ts'

/** @param schema as `quote_ident` prints it */
export function describeDeclarations(system: System, schema: string): SchemaDescription {
  const { sequences = [], functions = [], views = [] } = system.support ?? {}
  return {
    tables: Object.fromEntries(
      system.entities.map((entity) => [entity.table, describeEntity(system, entity, schema)]),
    ),
    types: Object.fromEntries(
      system.entities
        .flatMap((entity) => Object.values(entity.fields))
        .filter((field) => field.kind === 'enumeration' && field.sqlType.startsWith('{schema}.'))
        .map((field) => [field.sqlType.replace('{schema}.', ''), field.values ?? []]),
    ),
    sequences: [...sequences].sort(),
    functions: [...functions].sort(),
    views: [...views].sort(),
    others: [],
  }
}

function describeEntity(system: System, entity: Entity, schema: string): TableDescription {
  const inSchema = (text: string) => text.replaceAll('{schema}', schema)
  const { partitionedBy: partitioning } = entity
  return {
    columns: describeColumns(entity, inSchema),
    // The key of a partitioned table has the partition key in it (PostgreSQL manual, 5.12.2.3).
    primaryKey: [entity.primaryKey, ...(partitioning === undefined ? [] : [partitioning.field])],
    foreignKeys: describeForeignKeys(system, entity),
    uniques: Object.fromEntries(
      entity.uniques.map(({ name, fields: on }) => [
        name,
        { on, nullsNotDistinct: false, deferrability: 'not deferrable' },
      ]),
    ),
    checks: Object.fromEntries(entity.checks.map(({ name, expression }) => [name, inSchema(expression)])),
    indexes: Object.fromEntries(
      entity.indexes.map(({ name, on, method = 'btree', unique = false, where }) => [
        name,
        {
          on: on.map(inSchema),
          method,
          unique,
          nullsNotDistinct: false,
          where: where === undefined ? null : inSchema(where),
          valid: true,
        },
      ]),
    ),
    triggers: Object.fromEntries(entity.triggers.map((name) => [name, 'enabled'])),
    partitionedBy: partitioning === undefined ? null : partitioned(`RANGE (${partitioning.field})`, true),
    persistence: 'permanent',
    rowSecurity: false,
  }
}

function describeColumns({ fields, fullText }: Entity, inSchema: (text: string) => string) {
  const columns: Record<string, ColumnDescription> = {}
  for (const [key, field] of Object.entries(fields)) {
    columns[key] = {
      type: inSchema(field.sqlType),
      nullable: field.nullable,
      default: field.default === undefined ? null : inSchema(field.default),
      generated: field.generated === undefined ? null : inSchema(field.generated),
      identity: field.identity ? 'by default' : null,
    }
  }
  if (fullText !== undefined) {
    columns[fullText.column] = {
      type: 'tsvector',
      nullable: true,
      default: null,
      generated: inSchema(fullText.generated),
      identity: null,
    }
  }
  return columns
}

/** The names follow Skyvern's document unless declared: `fk_tasks_organization` is the key of tasks over organization_id. */
function describeForeignKeys(system: System, { table, fields }: Entity): TableDescription['foreignKeys'] {
  const keys: Record<string, TableDescription['foreignKeys'][string]> = {}
  for (const [key, { reference }] of Object.entries(fields)) {
    const parent = reference && entityNamed(system, reference.entity)
    if (reference === undefined || parent === undefined) continue
    keys[reference.constraint ?? `fk_${table}_${key.replace(/_id$/, '')}`] = {
      on: [key],
      table: parent.table,
      columns: [reference.field],
      onDelete: reference.onDelete,
      onUpdate: 'no action',
      deferrability: 'not deferrable',
      validity: 'valid',
    }
  }
  return keys
}
