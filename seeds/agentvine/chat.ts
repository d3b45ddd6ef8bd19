/** What is said about tasks: one conversation for some of them, with replies and attachments. */
import { MINUTE, SECOND, timestampText } from '../../src/seeds/calendar.ts'
import type { SeedRow } from '../../src/seeds/definition.ts'
import { seedUuid } from '../../src/seeds/ids.ts'
import { Random } from '../../src/seeds/random.ts'
import { NUMBERS } from './tables.ts'
import type { Task } from './tasks.ts'
import type { World } from './world.ts'

interface Message {
  readonly id: string
  readonly number: number
  readonly at: number
  readonly row: SeedRow
}

/** Messages of one conversation at most. */
const MOST = 8

const QUESTIONS = [
  'Shall I keep the old behaviour behind a flag?',
  'Which of the two tables is meant?',
  'テストも追加しますか?',
]
const ANSWERS = ['Yes, please.', 'The newer one; the other goes next month.', 'No — keep it small.']

function* messagesOf(world: World, tasks: readonly Task[]): Generator<Message> {
  const source = new Random(world.parameters.seed, 'chat')
  for (const task of tasks) {
    const random = source.at(task.index)
    if (task.startedAt === undefined || !random.chance(0.14)) continue
    const worker = task.orders.at(-1)?.tries.at(-1)?.worker
    const user = task.user ?? world.users[0]
    if (worker === undefined || user === undefined) continue
    const conversation = seedUuid(NUMBERS.conversations, task.startedAt, task.index)
    const end = Math.max(task.completedAt ?? world.parameters.until - SECOND, task.startedAt + SECOND)
    const lines: [type: string, senderType: string, sender: string | null, text: string, answers: number | null][] = [
      ['status', 'controller', null, `${worker.name} works on: ${task.title}`, null],
      ['question', 'worker', worker.id, random.pick(QUESTIONS), null],
      ['response', 'user', user.id, random.pick(ANSWERS), 1],
      ['text', 'worker', worker.id, 'Thank you, going on.', 2],
    ]
    if (task.status === 'failed')
      lines.push(['error', 'system', null, `The task failed: ${task.orders.at(-1)?.error}`, 0])
    if (task.status === 'completed') lines.push(['status', 'system', null, 'The task is completed.', 0])
    const step = Math.floor((end - task.startedAt) / (lines.length + 1))
    const ids: string[] = []
    for (const [place, [type, senderType, sender, text, answers]] of lines.entries()) {
      const at = task.startedAt + place * step
      const number = task.index * MOST + place
      const id = seedUuid(NUMBERS.messages, at, number)
      ids.push(id)
      const edited = type === 'response' && random.chance(0.15) ? timestampText(at + MINUTE) : null
      const created = timestampText(at)
      const parent = answers === null ? null : (ids[answers] ?? null)
      const metadata = JSON.stringify({ task_id: task.id })
      yield {
        id,
        number,
        at,
        row: [id, conversation, senderType, sender, text, type, metadata, parent, created, edited ?? created, edited],
      }
    }
  }
}

/** Rows of `chat_messages`, every one after what it answers. */
export function* messageRows(world: World, tasks: readonly Task[]): Generator<SeedRow> {
  for (const { row } of messagesOf(world, tasks)) yield row
}

const FILES = [
  ['screenshot.png', 'image/png', 180_000],
  ['trace.log', 'text/plain', 22_000],
  ['Entwurf "neu".pdf', 'application/pdf', 610_000],
] as const

/** Rows of `chat_attachments`. */
export function* attachmentRows(world: World, tasks: readonly Task[]): Generator<SeedRow> {
  const source = new Random(world.parameters.seed, 'attachments')
  for (const { id, number, at } of messagesOf(world, tasks)) {
    const random = source.at(number)
    if (!random.chance(0.12)) continue
    const [name, type, size] = random.pick(FILES)
    const created = timestampText(at)
    yield [
      seedUuid(NUMBERS.attachments, at, number),
      id,
      name,
      `/var/lib/agentvine/attachments/${id}/${name}`,
      type,
      // Some senders do not say how large a file is.
      random.chance(0.1) ? null : Math.floor(size * (0.5 + random.fraction())),
      '{}',
      created,
      created,
    ]
  }
}
