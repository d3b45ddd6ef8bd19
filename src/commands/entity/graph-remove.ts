import type { RemovedEdges, WhichEdges } from '../../crud/graph-remove.ts'
import { UsageError } from '../../errors.ts'
import type { Column } from '../../model/column.ts'
import type { View } from '../../output/view.ts'
import { type Command, type Context, defineDestroyCommand, type ParsedInput } from '../command.ts'
import { argument, optionalArgument } from '../flags.ts'
import { actorOf } from './actor.ts'
import { entityColumns } from './changed-view.ts'
import { entityScope, spoken, wordsOf } from './entity-scope.ts'
import type { GraphWords } from './graph.ts'
import { DEPENDS_ON, exampleEdge, examplePair, kindFlag, movedColumns, movedRows, nodeId } from './graph-nodes.ts'

/** `dependency remove <task> <depends-on>`, or with the id of one dependency. */
export function graphRemoveCommand(words: GraphWords): Command {
  const { system, entity, graph, nodes } = words
  const noun = spoken(nodes.name)
  const command = wordsOf(system, entity, 'remove')
  const columns = planColumns(words)
  return defineDestroyCommand({
    name: 'remove',
    aliases: ['rm'],
    summary: `Remove the ${spoken(entity.plural)} between two ${spoken(nodes.plural)}`,
    description:
      `Takes two ${spoken(nodes.plural)}, or the id of one ${spoken(entity.name)}. ` +
      `A ${noun} that waited because of it, and waits for nothing else, may go on.`,
    examples: [
      { command: `${command} ${examplePair(words)}`, does: 'Shows what goes, and asks' },
      { command: `${command} ${exampleEdge(words)} --yes`, does: 'By its own id, without a question' },
    ],
    args: {
      [nodes.name]: argument(`id of the ${noun} that waits, or of the ${spoken(entity.name)}`),
      [DEPENDS_ON]: optionalArgument(`id of the ${noun} it waits for`),
    },
    flags: { type: kindFlag(entity, graph, 'only of this kind') },
    async plan(context, input) {
      const { findEdges } = await import('../../crud/graph-remove.ts')
      return findEdges(await context.db(), await scope(context), await which(context, words, input))
    },
    planView: (edges) => ({
      shape: 'table',
      title: 'What is removed',
      columns,
      rows: edges.map((edge) => ({ ...edge })),
    }),
    action: (edges) => {
      const [only] = edges
      return edges.length === 1 && only
        ? `Remove ${spoken(entity.name)} ${only.id}`
        : `Remove ${edges.length} ${spoken(entity.plural)}`
    },
    async apply(context, _input, edges): Promise<RemovedEdges> {
      const { removeEdges } = await import('../../crud/graph-remove.ts')
      const ids = edges.map(({ id }) => id)
      return removeEdges(await context.db(), await scope(context), ids, actorOf(context))
    },
    view: ({ edges, moved }): View => ({
      shape: 'sections',
      sections: [
        { kind: 'table', key: 'removed', title: 'Removed', columns: entityColumns(entity), rows: edges },
        ...(graph.release === undefined
          ? []
          : [
              {
                kind: 'table' as const,
                key: 'released',
                title: 'Released',
                columns: movedColumns(words),
                rows: movedRows(words, moved),
              },
            ]),
      ],
    }),
  })

  function scope(context: Context) {
    return entityScope(context, system, entity)
  }
}

async function which(context: Context, words: GraphWords, input: ParsedInput): Promise<WhichEdges> {
  const { system, entity, nodes } = words
  const [first, second] = [String(input[nodes.name]), input[DEPENDS_ON]]
  const kind = typeof input.type === 'string' ? input.type : undefined
  if (typeof second === 'string') {
    return { from: await nodeId(context, words, first), to: await nodeId(context, words, second), kind }
  }
  if (kind !== undefined) {
    throw new UsageError({
      code: 'invalid-input',
      message: '--type chooses between two rows, and one id is given',
      hint: `Leave it out, or name the two: steward ${wordsOf(system, entity, 'remove')} <${nodes.name}> <depends-on>`,
    })
  }
  const { resolveIds } = await import('../../crud/ids.ts')
  return { ids: await resolveIds(await context.db(), await entityScope(context, system, entity), [first]) }
}

const planColumns = ({ graph, nodes }: GraphWords): Column[] => [
  { key: 'id', kind: 'text' },
  { key: 'from', kind: 'text', label: spoken(nodes.name) },
  { key: 'to', kind: 'text', label: 'depends on' },
  { key: 'kind', kind: 'text', label: graph.kind.replaceAll('_', ' ') },
]
