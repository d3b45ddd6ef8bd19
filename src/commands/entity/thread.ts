import type { Message, Thread } from '../../crud/thread.ts'
import type { Cells, Column } from '../../model/column.ts'
import type { Entity } from '../../model/entity.ts'
import { columnOf } from '../../model/field.ts'
import type { ThreadOperation } from '../../model/operation.ts'
import type { System } from '../../model/system.ts'
import type { Branch, Mark, TableView } from '../../output/view.ts'
import { type Command, defineCommand } from '../command.ts'
import { argument, integer } from '../flags.ts'
import { entityScope, spoken, wordsOf } from './entity-scope.ts'

/** Messages shown unless `--limit` says otherwise. */
const DEFAULT_LIMIT = 200
const MAX_LIMIT = 10_000

interface Shown extends Thread {
  readonly rows: readonly Cells[]
  readonly roots: readonly Branch[]
}

/** `chat-message thread <conversation-id>`. */
export function threadCommand(system: System, entity: Entity, operation: ThreadOperation): Command {
  const words = wordsOf(system, entity, operation.name)
  const plural = spoken(entity.plural)
  return defineCommand({
    name: operation.name,
    summary: operation.summary,
    description:
      `Oldest first, answers below what they answer; those whose question is not shown stand at the top. ` +
      `Other formats than the table give rows in the same order, with their depth.`,
    examples: [
      { command: `${words} <${operation.by.replaceAll('_', '-')}>`, does: `The last ${DEFAULT_LIMIT} ${plural}` },
      { command: `${words} <${operation.by.replaceAll('_', '-')}> --limit 1000 -o ndjson`, does: 'For a program' },
    ],
    effect: 'read',
    args: { [operation.by]: argument(`${entity.fields[operation.by]?.summary ?? operation.by}`) },
    flags: {
      limit: integer('<n>', `the last n ${plural} (default ${DEFAULT_LIMIT})`, { min: 1, max: MAX_LIMIT }),
    },
    async run(context, input): Promise<Shown> {
      const { inOrder, readThread } = await import('../../crud/thread.ts')
      const given: Readonly<Record<string, unknown>> = input
      const limit = typeof given.limit === 'number' ? given.limit : DEFAULT_LIMIT
      const { reveal } = context.globals
      const thread = await readThread(await context.db(), await entityScope(context, system, entity), operation, {
        conversation: String(given[operation.by]),
        limit,
        reveal,
      })
      const isOpen = (key: string) => !entity.fields[key]?.secret || reveal.includes(key)
      return {
        ...thread,
        rows: [...inOrder(thread.messages)].map(({ row, depth }) => ({ ...row, depth })),
        roots: branchesOf(entity, operation, [...inOrder(thread.messages)], isOpen),
      }
    },
    view: (shown) => ({
      shape: 'tree',
      roots: shown.roots,
      data: dataOf(entity, shown.rows),
      more: () => (shown.cut ? `Only the last ${counted(shown.rows.length)} shown; --limit shows more` : undefined),
    }),
  })

  function counted(count: number): string {
    return count === 1 ? `${spoken(entity.name)} is` : `${count.toLocaleString('en')} ${plural} are`
  }
}

function dataOf(entity: Entity, rows: readonly Cells[]): TableView {
  const depth: Column = { key: 'depth', kind: 'integer', summary: 'how many answers deep' }
  const own = Object.entries(entity.fields).map(([key, field]) => columnOf(key, field))
  return {
    shape: 'table',
    columns: [depth, ...own],
    shown: ['depth', ...entity.list.columns],
    rows,
  }
}

interface Growing extends Branch {
  readonly branches: Growing[]
}

/** Branches from messages in order: what is answered comes before its answers. */
function branchesOf(
  entity: Entity,
  operation: ThreadOperation,
  messages: readonly Message[],
  isOpen: (key: string) => boolean,
): Branch[] {
  const grown = new Map<Message, Growing>()
  for (const message of messages) {
    const text = isOpen(operation.text) ? (message.row[operation.text] ?? '') : ''
    grown.set(message, { head: headOf(entity, operation, message, isOpen), text: String(text), branches: [] })
  }
  for (const [message, { branches }] of grown) {
    for (const reply of message.replies) {
      const branch = grown.get(reply)
      if (branch) branches.push(branch)
    }
  }
  return messages.filter(({ depth }) => depth === 0).flatMap((message) => grown.get(message) ?? [])
}

/** Author, time, and what kind of message it is where the entity knows kinds. */
function headOf(
  entity: Entity,
  { author, time }: ThreadOperation,
  { row, isOrphan }: Message,
  isOpen: (key: string) => boolean,
): Mark[] {
  const known = author.filter((key) => isOpen(key) && (row[key] ?? null) !== null)
  const kinds = Object.entries(entity.fields).filter(
    ([key, field]) => field.values && isOpen(key) && !author.includes(key) && (row[key] ?? null) !== null,
  )
  return [
    { text: known.map((key) => String(row[key])).join(' ') || 'unknown', weight: 'bold' },
    { text: instantText(row[time]), weight: 'dim' },
    ...kinds.map(([key, { tones }]): Mark => {
      const text = String(row[key])
      const tone = tones?.[text]
      return tone === undefined ? { text } : { text, tone }
    }),
    ...(isOrphan ? [{ text: '(answers one that is not shown)', weight: 'dim' } as const] : []),
  ]
}

/** UTC to the second, as tables show it. */
function instantText(value: unknown): string {
  return String(value ?? '').replace(/^(\d{4,6}-\d\d-\d\d)T(\d\d:\d\d:\d\d).*$/, '$1 $2')
}
