/** What the system that a schema belongs to says of restoring into it. */
import type { HeldTable } from '../../model/holds.ts'
import { systems } from '../../systems/registry.ts'
import type { Context } from '../command.ts'

export interface SchemaOwner {
  readonly settings: Readonly<Record<string, string>>
  /** Tables that its retention rules are about. */
  readonly held: readonly HeldTable[]
  readonly monthly: readonly { readonly schema: string; readonly table: string; readonly field: string }[]
  readonly projections: Readonly<Record<string, readonly string[]>>
}

/** Nothing is said of a schema that belongs to no system. */
export async function ownerOf(context: Context, schema: string): Promise<SchemaOwner> {
  const [config, { schemaOf }, { heldTableOf }, { appliedRule }] = await Promise.all([
    context.config(),
    import('../../config/config.ts'),
    import('../../model/due.ts'),
    import('../../model/retention.ts'),
  ])
  const system = await systems.find(({ name }) => schemaOf(config, name) === schema)?.load()
  if (system === undefined) return { settings: {}, held: [], monthly: [], projections: {} }
  const rules = system.retention.filter(({ action }) => action !== 'expire')
  const held = rules.map((rule) => heldTableOf({ system, schema, applied: appliedRule(rule, 'on') }))
  return {
    settings: system.movesWith ?? {},
    held: held.filter(({ table }, place) => held.findIndex((one) => one.table === table) === place),
    monthly: system.entities.flatMap(({ table, partitionedBy }) =>
      partitionedBy === undefined ? [] : [{ schema, table, field: partitionedBy.field }],
    ),
    projections: Object.fromEntries(
      system.entities.map(({ table, fields }) => [
        table,
        Object.entries(fields).flatMap(([name, { projectionOf }]) => (projectionOf === undefined ? [] : [name])),
      ]),
    ),
  }
}
