/** The messages of one conversation in the order of a thread (model, `ThreadOperation`): replies below what they answer. */
import type { Queryable } from '../db/database.ts'
import { InvalidValue, NotFoundError } from '../errors.ts'
import type { Cells } from '../model/column.ts'
import type { ThreadOperation } from '../model/operation.ts'
import { identifier, sql } from '../model/sql.ts'
import { castType, fieldOf, refuseProblems, type Scope, tableOf } from './scope.ts'
import { selectList, visibleFields } from './select.ts'
import { aliveSql } from './soft-delete.ts'
import { parseValue } from './values.ts'

/** A message with what answers it. */
export interface Message {
  readonly row: Cells
  /** 0 for one that answers nothing, or nothing that is shown. */
  readonly depth: number
  /** It answers a message that is not shown. */
  readonly isOrphan: boolean
  readonly replies: readonly Message[]
}

export interface Thread {
  /** Those at the top level, oldest first. */
  readonly messages: readonly Message[]
  /** There are earlier messages than these. */
  readonly cut: boolean
}

/**
 * Reads the last messages of a conversation.
 *
 * @throws UsageError (exit 2) for a text that cannot name a conversation; NotFoundError (exit 4) for one without messages
 */
export async function readThread(
  db: Queryable,
  scope: Scope,
  operation: ThreadOperation,
  {
    conversation,
    limit,
    reveal,
  }: { readonly conversation: string; readonly limit: number; readonly reveal: readonly string[] },
): Promise<Thread> {
  const { entity } = scope
  const [time, key] = [identifier(operation.time), identifier(entity.primaryKey)]
  const by = fieldOf(entity, operation.by)
  const places = [entity.primaryKey, operation.parent, operation.time]
  const fields = [...new Set([...visibleFields(entity, reveal), ...places])]
  // One more than asked for tells whether there are earlier ones.
  const rows = await db.rows<Cells>(sql`
    SELECT ${selectList(fields)}
    FROM ${tableOf(scope)}
    WHERE ${identifier(operation.by)} = ${conversationOf(scope, operation, conversation)}::${castType(scope, by)}
      AND ${aliveSql(scope)}
    ORDER BY ${time} DESC, ${key} DESC
    LIMIT ${limit + 1}::bigint`)
  if (rows.length === 0) {
    throw new NotFoundError({
      code: 'not-found',
      message: `There are no ${entity.plural} with the ${operation.by} ${conversation}`,
      hint: `steward ${scope.system.name} ${entity.name} list shows the conversations there are`,
    })
  }
  return { messages: threaded(scope, operation, rows.slice(0, limit).reverse()), cut: rows.length > limit }
}

function conversationOf({ entity }: Scope, { by }: ThreadOperation, text: string): string {
  try {
    return String(parseValue(fieldOf(entity, by), text))
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error
    refuseProblems([{ where: `<${by.replaceAll('_', '-')}>`, reason: error.message }], `It is the ${by} of messages`)
    return text
  }
}

interface Growing extends Message {
  depth: number
  isOrphan: boolean
  readonly replies: Growing[]
}

/** Each message below the one it answers. Those that only answer each other, in a circle, stand at the top as well. */
function threaded({ entity }: Scope, { parent }: ThreadOperation, rows: readonly Cells[]): Growing[] {
  const messages = rows.map((row): Growing => ({ row, depth: 0, isOrphan: false, replies: [] }))
  const byId = new Map(messages.map((message) => [String(message.row[entity.primaryKey]), message]))
  const top: Growing[] = []
  for (const message of messages) {
    const answered = message.row[parent] ?? null
    const above = answered === null ? undefined : byId.get(String(answered))
    if (above && above !== message) above.replies.push(message)
    else top.push(message)
    message.isOrphan = answered !== null && !above
  }
  const placed = new Set<Growing>()
  for (const message of top) place(message, placed)
  for (const message of messages) {
    if (placed.has(message)) continue
    const above = byId.get(String(message.row[parent]))
    if (above) above.replies.splice(above.replies.indexOf(message), 1)
    top.push(message)
    place(message, placed)
  }
  return top
}

/** Gives everything below a message its depth. A stack, not a recursion: answers to answers may go on for long. */
function place(top: Growing, placed: Set<Growing>): void {
  const waiting = [top]
  for (let message = waiting.pop(); message; message = waiting.pop()) {
    placed.add(message)
    for (const reply of message.replies) {
      reply.depth = message.depth + 1
      waiting.push(reply)
    }
  }
}

/** The messages of a thread one after the other, as they stand below each other. */
export function* inOrder(messages: readonly Message[]): Generator<Message> {
  const waiting = [...messages].reverse()
  for (let message = waiting.pop(); message; message = waiting.pop()) {
    yield message
    waiting.push(...[...message.replies].reverse())
  }
}
