import type { AddedEdge } from '../../crud/graph-add.ts'
import { isSettableAt } from '../../model/field.ts'
import { type Command, defineCommand, type ParsedInput } from '../command.ts'
import { argument, toggle } from '../flags.ts'
import { actorOf } from './actor.ts'
import { entityColumns } from './changed-view.ts'
import { entityScope, spoken, wordsOf } from './entity-scope.ts'
import { givenFields, namedFieldFlags } from './field-flags.ts'
import type { GraphWords } from './graph.ts'
import { DEPENDS_ON, examplePair, kindFlag, movedColumns, movedRows, nodeId } from './graph-nodes.ts'

/** `dependency add <task> <depends-on>`. */
export function graphAddCommand(words: GraphWords): Command {
  const { system, entity, graph, nodes } = words
  const noun = spoken(nodes.name)
  const command = wordsOf(system, entity, 'add')
  const pair = examplePair(words)
  const kinds = entity.fields[graph.kind]?.values ?? graph.blocking
  const other = kinds.find((kind) => !graph.blocking.includes(kind))
  const own = [graph.from, graph.to, graph.kind, graph.satisfied?.flag, graph.satisfied?.at]
  const further = Object.entries(entity.fields)
    .filter(([key, field]) => isSettableAt(field, 'create') && !own.includes(key))
    .map(([key]) => key)
  return defineCommand({
    name: 'add',
    summary: `Make a ${noun} depend on another`,
    description:
      `Refuses what is there already, and whatever would make a ${noun} wait for itself, with the cycle shown. ` +
      `Of the kinds ${graph.blocking.join(', ')} the first ${noun} waits until the second is ${graph.finished.join(' or ')}.`,
    examples: [
      { command: `${command} ${pair}`, does: 'The first waits for the second' },
      other === undefined
        ? { command: `${command} ${pair} --dry-run`, does: 'Whether it could' }
        : { command: `${command} ${pair} --type ${other}`, does: 'Said, but nobody waits' },
    ],
    effect: 'write',
    args: {
      [nodes.name]: argument(`id of the ${noun} that waits`),
      [DEPENDS_ON]: argument(`id of the ${noun} it waits for`),
    },
    flags: {
      ...namedFieldFlags(entity, further, 'create'),
      type: kindFlag(entity, graph, `kind of dependency: ${kinds.join(', ')}`),
      dryRun: toggle('check it and show the result, change nothing'),
    },
    async run(context, input): Promise<AddedEdge> {
      const { addEdge } = await import('../../crud/graph-add.ts')
      const parsed: ParsedInput = input
      const from = await nodeId(context, words, String(parsed[nodes.name]))
      const to = await nodeId(context, words, String(parsed[DEPENDS_ON]))
      const kind = typeof parsed.type === 'string' ? { [graph.kind]: parsed.type } : {}
      const fields = Object.entries(givenFields(entity, parsed)).filter(([key]) => further.includes(key))
      const given = { ...Object.fromEntries(fields), ...kind }
      const scope = await entityScope(context, system, entity)
      const options = { actor: actorOf(context), dryRun: parsed.dryRun === true }
      return addEdge(await context.db(), scope, { from, to, given }, options)
    },
    view: ({ edge, moved }, _input, { format }) => ({
      shape: 'record',
      columns: entityColumns(entity),
      row: edge,
      // People read of it only where somebody was blocked; machines find the list either way.
      ...(moved.length === 0 && format === 'table'
        ? {}
        : { related: [{ key: 'blocked', columns: movedColumns(words), rows: movedRows(words, moved) }] }),
    }),
  })
}
