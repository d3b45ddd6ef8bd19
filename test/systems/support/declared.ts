/** What the declarations of a system promise about its schema. */
import type { Entity } from '../../../src/model/entity.ts'
import { entityNamed, type System } from '../../../src/model/system.ts'
import type { SchemaDescription, TableDescription } from './description.ts'

/** @param schema as `quote_ident` prints it */
export function describeDeclarations(system: System, schema: string): SchemaDescription {
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
    sequences: [...(system.support?.sequences ?? [])].sort(),
    functions: [...(system.support?.functions ?? [])].sort(),
    others: [],
  }
}

function describeEntity(system: System, entity: Entity, schema: string): TableDescription {
  const inSchema = (text: string) => text.replaceAll('{schema}', schema)
  const fields = Object.entries(entity.fields)
  return {
    columns: Object.fromEntries(
      fields.map(([key, field]) => [
        key,
        {
          type: inSchema(field.sqlType),
          nullable: field.nullable,
          default: field.default === undefined ? null : inSchema(field.default),
        },
      ]),
    ),
    primaryKey: [entity.primaryKey],
    foreignKeys: Object.fromEntries(
      fields.flatMap(([key, { reference }]) => {
        const parent = reference && entityNamed(system, reference.entity)
        // The names follow the document's: fk_tasks_organization is the key of tasks over organization_id.
        const name = `fk_${entity.table}_${key.replace(/_id$/, '')}`
        return reference && parent
          ? [[key, { name, table: parent.table, column: reference.field, onDelete: reference.onDelete }] as const]
          : []
      }),
    ),
    uniques: Object.fromEntries(entity.uniques.map(({ name, fields: on }) => [name, on])),
    checks: Object.fromEntries(entity.checks.map(({ name, expression }) => [name, inSchema(expression)])),
    indexes: Object.fromEntries(
      entity.indexes.map(({ name, on, method, unique, where }) => [
        name,
        { on, method: method ?? 'btree', unique: unique ?? false, where: where ?? null },
      ]),
    ),
    triggers: [...entity.triggers].sort(),
  }
}
