/** What the commands of a graph have in common: its nodes on the command line, and what became of them. */
import type { Moved } from '../../crud/audited.ts'
import type { Cells, Column } from '../../model/column.ts'
import type { Entity, Graph } from '../../model/entity.ts'
import { columnOf } from '../../model/field.ts'
import type { Context } from '../command.ts'
import { choice, type Flag, text } from '../flags.ts'
import { entityScope, exampleId } from './entity-scope.ts'
import type { GraphWords } from './graph.ts'

/** Name of the argument for what is waited for. */
export const DEPENDS_ON = 'depends_on'

/** `--type`: the kind of edge, where it is one of a few. */
export function kindFlag(entity: Entity, { kind }: Graph, summary: string): Flag<string | undefined> {
  const values = entity.fields[kind]?.values
  return values ? choice(values, summary) : text('<text>', summary)
}

/** The id that one text means. @throws UsageError (exit 2) or NotFoundError (exit 4) when it means none */
export async function nodeId(context: Context, { system, nodes }: GraphWords, given: string): Promise<string> {
  const { resolveIds } = await import('../../crud/ids.ts')
  const [id = given] = await resolveIds(await context.db(), await entityScope(context, system, nodes), [given])
  return id
}

/** Two ids, for examples. */
export function examplePair({ nodes }: GraphWords): string {
  const isMade = nodes.fields[nodes.primaryKey]?.idPrefix !== undefined
  return isMade ? `${exampleId(nodes)} ${exampleId(nodes, 19)}` : `<${nodes.name}> <depends-on>`
}

/** The id of one edge, for examples. */
export function exampleEdge({ entity }: GraphWords): string {
  const isMade = entity.fields[entity.primaryKey]?.idPrefix !== undefined
  return isMade ? exampleId(entity) : `<${entity.name}-id>`
}

/** Columns of the nodes that a change of their edges moved. */
export function movedColumns({ graph, nodes }: GraphWords): Column[] {
  const column = (key: string) => {
    const field = nodes.fields[key]
    return field ? [columnOf(key, field)] : []
  }
  const state = nodes.lifecycle ? column(nodes.lifecycle.field) : []
  return [...new Set([nodes.primaryKey, graph.label])].flatMap(column).concat(
    state.map((one) => ({ ...one, key: 'before', label: `${one.key} before` })),
    state.map((one) => ({ ...one, key: 'after', label: `${one.key} now` })),
  )
}

export function movedRows({ graph, nodes }: GraphWords, moved: readonly Moved[]): Cells[] {
  const state = nodes.lifecycle?.field ?? ''
  return moved.map(({ before, after }) => ({
    [nodes.primaryKey]: after[nodes.primaryKey],
    [graph.label]: after[graph.label],
    before: before[state],
    after: after[state],
  }))
}
