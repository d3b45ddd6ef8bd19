import type { CriticalPath } from '../../crud/graph-critical.ts'
import type { Direction, Walk } from '../../crud/graph-walk.ts'
import type { Problem } from '../../errors.ts'
import type { Cells, Column } from '../../model/column.ts'
import { columnOf } from '../../model/field.ts'
import type { SectionsView, View } from '../../output/view.ts'
import { type Command, type Context, defineCommand } from '../command.ts'
import { choice, integer, toggle, variadicArgument } from '../flags.ts'
import { entityScope, exampleId, spoken, wordsOf } from './entity-scope.ts'
import type { GraphWords } from './graph.ts'
import { mermaid } from './graph-mermaid.ts'
import { treesOf, wholeForest } from './graph-tree.ts'

const DEFAULT_DEPTH = 10
const MAX_DEPTH = 100
const DEFAULT_LIMIT = 1000
const MAX_LIMIT = 100_000

interface Shown {
  readonly walk: Walk
  readonly ids: readonly string[]
  readonly direction: Direction
  readonly columns: readonly Column[]
  readonly critical?: CriticalPath
}

/** `dependency graph [<task>…]`. */
export function graphShowCommand(words: GraphWords): Command {
  const { system, entity, graph, nodes } = words
  const command = wordsOf(system, entity, 'graph')
  const plural = spoken(nodes.plural)
  const id = exampleId(nodes)
  return defineCommand({
    name: 'graph',
    summary: `Show what ${plural} wait for, and who waits for them`,
    description:
      `A tree for people, nodes and edges in every other format. Without ids the whole graph. ` +
      `A ${spoken(nodes.name)} that stands in the tree already is only named again.`,
    examples: [
      { command: `${command} ${id}`, does: 'What it waits for, and who waits for it' },
      { command: `${command} ${id} --direction down --depth 1`, does: 'Only those that wait for it directly' },
      { command: `${command} --unfinished`, does: 'Everything that holds up work' },
      { command: `${command} --critical-path`, does: 'The longest chain of unfinished work' },
      { command: `${command} ${id} --mermaid`, does: 'A flowchart for a document' },
    ],
    effect: 'read',
    args: { id: variadicArgument(`ids of ${plural}`, { required: false }) },
    flags: {
      direction: choice(['up', 'down', 'both'], 'up: what they wait for; down: who waits for them (default both)'),
      depth: integer('<n>', `how many steps from those named (default ${DEFAULT_DEPTH})`, {
        min: 1,
        max: MAX_DEPTH,
      }),
      limit: integer('<n>', `${spoken(entity.plural)} at most (default ${DEFAULT_LIMIT})`, {
        min: 1,
        max: MAX_LIMIT,
      }),
      unfinished: toggle(`only what still holds up work, of the kinds ${graph.blocking.join(', ')}`),
      mermaid: toggle('print a Mermaid flowchart'),
      criticalPath: toggle(
        `the longest chain of unfinished work, ${graph.weight === undefined ? 'by the number of its steps' : `by ${graph.weight}`}`,
      ),
    },
    async run(context, input): Promise<Shown> {
      await refuseWrong(input)
      const [{ walkGraph, nodeColumns }, { resolveIds }] = await Promise.all([
        import('../../crud/graph-walk.ts'),
        import('../../crud/ids.ts'),
      ])
      const db = await context.db()
      const scope = await entityScope(context, system, entity)
      const ids = await resolveIds(db, await entityScope(context, system, nodes), input.id)
      const direction = input.direction ?? (input.criticalPath ? 'up' : 'both')
      const depth = input.depth ?? (input.criticalPath ? undefined : DEFAULT_DEPTH)
      const walk = await walkGraph(db, scope, {
        ids,
        direction,
        limit: input.limit ?? (input.criticalPath ? MAX_LIMIT : DEFAULT_LIMIT),
        open: input.criticalPath || input.unfinished,
        heaviest: input.criticalPath && ids.length === 0,
        ...(depth === undefined ? {} : { depth }),
      })
      const shown = { walk, ids, direction, columns: nodeColumns(scope) }
      const leftOut = input.mermaid || input.criticalPath ? moreOf(words, shown) : undefined
      if (leftOut !== undefined) context.ui.warn(leftOut)
      if (!input.criticalPath) return shown
      const [{ criticalPath }, { graphOf, isOpen }] = await Promise.all([
        import('../../crud/graph-critical.ts'),
        import('../../crud/graph.ts'),
      ])
      const critical = criticalPath(scope, walk, (node) => isOpen(graphOf(scope), node))
      sayWhatIsLeftOut(context, words, critical)
      return { ...shown, critical }
    },
    view: (shown, input): View => {
      if (shown.critical) return criticalView(words, shown, shown.critical)
      if (input.mermaid) return { shape: 'text', text: mermaid(words, shown.walk) }
      return {
        shape: 'tree',
        roots: rootsOf(words, shown),
        data: dataOf(words, shown),
        empty: input.unfinished
          ? `No ${spoken(entity.plural)} hold up work`
          : `There are no ${spoken(entity.plural)}`,
        more: () => moreOf(words, shown),
      }
    },
  })
}

async function refuseWrong(input: {
  readonly id: readonly string[]
  readonly depth: number | undefined
  readonly mermaid: boolean
  readonly criticalPath: boolean
}): Promise<void> {
  const { refuseProblems } = await import('../../crud/scope.ts')
  const problems: Problem[] = []
  if (input.depth !== undefined && input.id.length === 0) {
    problems.push({ where: '--depth', reason: 'counts steps from those that are named, and none is' })
  }
  if (input.mermaid && input.criticalPath)
    problems.push({ where: '--mermaid', reason: 'contradicts --critical-path' })
  refuseProblems(problems, 'Repeat it with --help to see what it takes')
}

function rootsOf(words: GraphWords, { walk, ids, direction }: Shown) {
  if (ids.length === 0) return wholeForest(words, walk, direction === 'down' ? 'down' : 'up')
  return treesOf(words, walk, ids, direction === 'both' ? ['up', 'down'] : [direction])
}

function dataOf({ entity }: GraphWords, { walk, columns }: Shown): SectionsView {
  return {
    shape: 'sections',
    sections: [
      { kind: 'table', key: 'nodes', title: 'Nodes', columns, rows: walk.nodes },
      {
        kind: 'table',
        key: 'edges',
        title: 'Edges',
        columns: Object.entries(entity.fields).map(([key, field]) => columnOf(key, field)),
        rows: walk.edges,
      },
    ],
  }
}

/** What was left out, on stderr. */
function moreOf({ entity }: GraphWords, { walk }: Shown): string | undefined {
  if (walk.cut) {
    const count = walk.edges.length.toLocaleString('en')
    return `Only the first ${count} ${spoken(entity.plural)} are shown; --limit shows more`
  }
  const goesOn = walk.deeper.up.size + walk.deeper.down.size > 0
  return goesOn ? 'The graph goes on where it says so; --depth shows more' : undefined
}

function sayWhatIsLeftOut(context: Context, { graph, nodes }: GraphWords, { unweighed }: CriticalPath): void {
  if (unweighed === 0) return
  const noun = spoken(unweighed === 1 ? nodes.name : nodes.plural)
  context.ui.note(`${unweighed} ${noun} of it without ${graph.weight} ${unweighed === 1 ? 'counts' : 'count'} as 0.`)
}

function criticalView({ graph, nodes }: GraphWords, { columns }: Shown, critical: CriticalPath): View {
  const weight = graph.weight === undefined ? undefined : nodes.fields[graph.weight]
  const unit = weight?.unit === undefined ? {} : { unit: weight.unit }
  const sumColumn = (key: string, label: string): Column => ({ key, label, kind: 'float', ...unit })
  const shown = [...columns.map(({ key }) => key), 'sum_so_far'].filter((key) => key !== nodes.softDelete?.field)
  let sum = 0
  const rows = critical.nodes.map((node, index): Cells => {
    sum += critical.weights[index] ?? 0
    return { ...node, sum_so_far: sum }
  })
  return {
    shape: 'sections',
    sections: [
      {
        kind: 'table',
        key: 'path',
        title: 'Critical path, first things first',
        shown,
        columns: graph.weight === undefined ? columns : [...columns, sumColumn('sum_so_far', 'sum so far')],
        rows,
        empty: 'There is no unfinished work',
      },
      {
        kind: 'record',
        key: 'total',
        title: 'Total',
        columns: [
          { key: 'nodes', label: spoken(nodes.plural), kind: 'integer', unit: 'count' },
          sumColumn('weight', weight && graph.weight !== undefined ? graph.weight.replaceAll('_', ' ') : 'steps'),
        ],
        row: { nodes: critical.nodes.length, weight: critical.sum },
      },
    ],
  }
}
