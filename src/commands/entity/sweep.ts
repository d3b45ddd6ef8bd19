/** `worker reap`: rows whose time has come, as one plan. */
import type { BulkResult } from '../../crud/bulk.ts'
import type { SweepPlan } from '../../crud/sweep.ts'
import type { Entity } from '../../model/entity.ts'
import type { SweepOperation } from '../../model/operation.ts'
import type { System } from '../../model/system.ts'
import type { View } from '../../output/view.ts'
import { type Command, defineDestroyCommand } from '../command.ts'
import { duration, integer } from '../flags.ts'
import { actorOf } from './actor.ts'
import { entityColumns } from './changed-view.ts'
import { consequenceSections } from './consequence-view.ts'
import { entityScope, spoken, wordsOf } from './entity-scope.ts'
import { bulkFlags } from './transition-bulk.ts'
import { doneView, exitCodeOf, sentence } from './transition-view.ts'

export function sweepCommand(system: System, entity: Entity, operation: SweepOperation): Command {
  const words = wordsOf(system, entity, operation.name)
  const { age, adjective } = operation
  const noun = `${adjective} ${spoken(entity.plural)}`
  const never = age.orNull ? ' or never was' : ''
  const standing = operation.from === undefined ? '' : ` that are ${operation.from.join(' or ')} and`
  return defineDestroyCommand({
    name: operation.name,
    summary: operation.summary,
    description:
      `Finds the ${noun}: those${standing} whose ${age.field} is at least ${age.olderThan} ago${never}. Shows them and what happens` +
      ` with them, asks, and takes each through ${operation.moves}; one that is ${adjective} no more by then is left alone.`,
    examples: [
      { command: `${words} --dry-run`, does: `The ${noun}, and what would happen with them` },
      { command: `${words} --yes`, does: 'Without a question, for cron; outside production' },
      {
        command: `${words} --older-than 15m --limit 100 --yes`,
        does: 'The hundred oldest of at least a quarter hour',
      },
    ],
    flags: {
      olderThan: duration('<duration>', `how long ago (default ${age.olderThan})`),
      limit: integer('<n>', 'at most this many, the oldest first', { min: 1 }),
      batchSize: bulkFlags.batchSize,
    },
    async plan(context, input): Promise<SweepPlan> {
      const { planSweep } = await import('../../crud/sweep.ts')
      const scope = await entityScope(context, system, entity)
      return planSweep(await context.db(), scope, operation, optionsOf(input), actorOf(context))
    },
    planView: (plan) => planView(entity, noun, plan),
    nothing: ({ ids }) => (ids.length === 0 ? `There are no ${noun}; nothing to do.` : undefined),
    action: ({ ids }) =>
      `${sentence(operation.name)} ${ids.length.toLocaleString('en')} ${adjective} ${spoken(ids.length === 1 ? entity.name : entity.plural)}`,
    async apply(context, input, plan): Promise<BulkResult> {
      const { applySweep } = await import('../../crud/sweep.ts')
      const { journalRun } = await import('../../db/journal.ts')
      const scope = await entityScope(context, system, entity)
      const db = await context.db()
      const run = { ...context, plan: { verb: operation.name, rows: plan.ids.length } }
      const result = await journalRun(db, run, async () => {
        const value = await applySweep(db, scope, operation, plan, optionsOf(input), {
          actor: actorOf(context),
          signal: context.signal,
          onProgress: context.ui.progress,
          batchSize: input.batchSize,
        })
        const { moved, skipped, failed, left } = value
        const exitCode = exitCodeOf({ mode: 'bulk', result: value })
        return { value, counts: { moved, skipped, failed, left }, exitCode }
      })
      if (result.stopped) {
        context.ui.warn(`${result.stopped.message}: ${result.left.toLocaleString('en')} are left as they were`)
      }
      return result
    },
    view: (result, _input, context) => doneView(entity, { mode: 'bulk', result }, context),
    exitCode: (result) => exitCodeOf({ mode: 'bulk', result }),
  })
}

function optionsOf({
  olderThan,
  limit,
}: {
  readonly olderThan: number | undefined
  readonly limit: number | undefined
}) {
  return { limit, olderThan: olderThan === undefined ? undefined : `${olderThan} milliseconds` }
}

function planView(entity: Entity, noun: string, { ids, rows, consequences, rehearsed }: SweepPlan): View {
  const shown = rows.length < ids.length ? `, the first ${rows.length} shown` : ''
  return {
    shape: 'sections',
    sections: [
      {
        kind: 'record',
        key: 'counts',
        columns: [{ key: 'found', kind: 'integer', unit: 'count', label: noun }],
        row: { found: ids.length },
      },
      {
        kind: 'table',
        key: 'rows',
        title: `${sentence(noun)}${shown}`,
        columns: entityColumns(entity),
        shown: entity.list.columns,
        rows,
      },
      ...consequenceSections(consequences, rehearsed < ids.length ? rehearsed : undefined),
    ],
  }
}
