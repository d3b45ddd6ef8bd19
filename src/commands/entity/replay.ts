import type { ReplayResult } from '../../crud/replay.ts'
import { ExitCode, UsageError } from '../../errors.ts'
import type { Column } from '../../model/column.ts'
import type { Entity } from '../../model/entity.ts'
import type { ReplayOperation } from '../../model/operation.ts'
import type { System } from '../../model/system.ts'
import { type Command, defineCommand } from '../command.ts'
import { toggle, variadicArgument } from '../flags.ts'
import { actorOf } from './actor.ts'
import { entityScope, exampleId, spoken, wordsOf } from './entity-scope.ts'

const COLUMNS: readonly Column[] = [
  {
    key: 'outcome',
    kind: 'text',
    tones: {
      booked: 'good',
      failed: 'bad',
      'not handled': 'bad',
      'booked before': 'idle',
      'processed before': 'idle',
    },
  },
  { key: 'detail', kind: 'text' },
]

/** `stripe-event replay`: works events off again, each in a transaction of its own. */
export function replayCommand(system: System, entity: Entity, operation: ReplayOperation): Command {
  const words = wordsOf(system, entity, operation.name)
  const nouns = spoken(entity.plural)
  const handlers = Object.entries(operation.handlers).map(
    ([type, { entity: target, operation: verb }]) => `${type} (${spoken(target)} ${verb})`,
  )
  return defineCommand({
    name: operation.name,
    summary: operation.summary,
    description:
      `Handles ${handlers.join(', ')}. What was booked before is not booked again, and an event that is processed ` +
      `stays as it is, as does one of another type. One that fails keeps the reason in ${operation.error}, and the ` +
      `others go on: exit code 7 when some failed or had another type, 6 when all.`,
    examples: [
      { command: `${words} ${exampleId(entity)}`, does: operation.summary },
      { command: `${words} --failed`, does: 'All that failed' },
      { command: `${words} --failed --dry-run`, does: 'What would become of them' },
    ],
    effect: 'write',
    args: { id: variadicArgument(`ids of the ${nouns}`, { required: false }) },
    flags: {
      failed: toggle(`all ${nouns} that have an error`),
      dryRun: toggle('do everything, show the outcome, and roll it back'),
    },
    async run(context, input): Promise<ReplayResult> {
      requireOne(words, input)
      const [{ failedEvents, replayEvents }, { resolveIds }, { requireRows }] = await Promise.all([
        import('../../crud/replay.ts'),
        import('../../crud/ids.ts'),
        import('../../crud/missing.ts'),
      ])
      const scope = await entityScope(context, system, entity)
      const db = await context.db()
      const ids = input.failed ? await failedEvents(db, scope, operation) : await resolveIds(db, scope, input.id)
      await requireRows(db, scope, ids)
      const replay = async () => {
        const value = await replayEvents(db, scope, operation, ids, {
          actor: actorOf(context),
          dryRun: input.dryRun,
          signal: context.signal,
          onProgress: context.ui.progress,
        })
        return { value, counts: { tried: value.events.length, left: value.left }, exitCode: exitCodeOf(value) }
      }
      const { journalRun } = await import('../../db/journal.ts')
      const result = input.dryRun ? (await replay()).value : await journalRun(db, context, replay)
      if (result.stopped) context.ui.warn(`Stopped: ${result.left} ${nouns} were not tried`)
      if (input.dryRun) context.ui.note('Nothing was written: this is what would be.')
      return result
    },
    exitCode: exitCodeOf,
    view: ({ events }) => ({
      shape: 'table',
      columns: [{ key: entity.primaryKey, kind: 'text' }, { key: operation.type, kind: 'text' }, ...COLUMNS],
      // On a screen, why something failed needs the room.
      shown: [entity.primaryKey, 'outcome', 'detail'],
      rows: events.map(({ id, type, outcome, detail }) => ({
        [entity.primaryKey]: id,
        [operation.type]: type,
        outcome,
        detail,
      })),
      empty: `No ${nouns} have an error`,
    }),
  })
}

function exitCodeOf({ events, stopped }: ReplayResult): ExitCode {
  if (stopped) return stopped.exitCode
  const failed = events.filter(({ outcome }) => outcome === 'failed' || outcome === 'not handled').length
  if (failed === 0) return ExitCode.ok
  return failed === events.length ? ExitCode.failed : ExitCode.partial
}

function requireOne(
  words: string,
  { id, failed }: { readonly id: readonly string[]; readonly failed: boolean },
): void {
  if (id.length > 0 && failed) {
    throw new UsageError({
      code: 'ids-and-filters',
      message: 'Both ids and --failed are given',
      hint: 'Name the events, or take all that failed',
    })
  }
  if (id.length > 0 || failed) return
  throw new UsageError({
    code: 'nothing-named',
    message: 'No event is named',
    hint: `steward ${words} <id>…, or --failed for all that have an error`,
  })
}
