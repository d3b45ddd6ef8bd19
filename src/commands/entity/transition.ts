import type { Failure } from '../../crud/changes.ts'
import { UsageError } from '../../errors.ts'
import type { Cells } from '../../model/column.ts'
import type { Entity } from '../../model/entity.ts'
import type { Transition } from '../../model/lifecycle.ts'
import type { System } from '../../model/system.ts'
import { type Command, type Context, defineDestroyCommand, type Example, type ParsedInput } from '../command.ts'
import { type Flag, type Flags, integer, toggle, variadicArgument } from '../flags.ts'
import { actorOf } from './actor.ts'
import { entityScope, exampleId, spoken, wordsOf } from './entity-scope.ts'
import { exampleFlags, fieldFlags, givenFields, namedFieldFlags } from './field-flags.ts'
import { FILTER_HELP, filterFlags, hasFilter } from './filter-flags.ts'
import { transitionInput } from './transition-input.ts'
import { type Done, doneView, exitCodeOf, type Planned, planView, sentence } from './transition-view.ts'

/** `task cancel`: by id, for many by filter where the entity allows bulk, and where declared with creation before. */
export function transitionCommand(system: System, entity: Entity, declared: Transition): Command {
  const takes = Object.keys(declared.takes ?? {})
  const byFilter = entity.verbs.includes('bulk') && declared.creates === undefined
  const noun = spoken(entity.name)
  const { read, filters } = transitionInput(entity, declared)
  return defineDestroyCommand({
    name: declared.verb,
    summary: declared.summary,
    description: describe(entity, declared, byFilter),
    examples: examples(system, entity, declared, byFilter),
    args: { id: variadicArgument(`ids of the ${spoken(entity.plural)}`, { required: false }) },
    flags: { ...flagsOf(entity, declared, byFilter), dryRun: toggle('show the plan and stop') },
    asks: (input) => modeOf(input) === 'bulk' || (declared.ends === true && input.id.length > 1),

    async plan(context, input): Promise<Planned> {
      const scope = await entityScope(context, system, entity)
      const mode = modeOf(input)
      requireOne(system, entity, declared, mode, input, byFilter)
      const given = await read(context, input, mode)
      if (mode === 'bulk') {
        const { planBulk } = await import('../../crud/bulk.ts')
        const chosen = await filters(input)
        const maxRows = 'maxRows' in input && typeof input.maxRows === 'number' ? input.maxRows : undefined
        return { mode, given, plan: await planBulk(await context.db(), scope, declared, chosen, maxRows) }
      }
      if (!input.dryRun) {
        if (mode === 'create') return { mode, given }
        return { mode, given, rows: await named(context, input.id, input.keepGoing) }
      }
      const options = { actor: actorOf(context), dryRun: true }
      const { reading, values } = given
      if (mode === 'create') {
        const { createAndMove } = await import('../../crud/start.ts')
        return {
          mode,
          given,
          row: await createAndMove(await context.db(), scope, declared, reading, values, options),
        }
      }
      const { transitionEach, transitionRows } = await import('../../crud/transition.ts')
      const db = await context.db()
      if (!input.keepGoing) {
        const moved = await transitionRows(db, scope, declared, input.id, values, options)
        return { mode, given, rows: moved.map(({ after }) => after) }
      }
      const { moved, failures } = await transitionEach(db, scope, declared, input.id, values, options)
      warnOf(context, failures)
      return { mode, given, rows: moved.map(({ after }) => after) }
    },
    planView: (planned) => planView(entity, declared, planned),
    nothing: (planned) =>
      planned.mode === 'bulk' && planned.plan.ids.length === 0
        ? `No ${spoken(entity.plural)} that match are ${declared.from.join(' or ')}; nothing to do.`
        : undefined,
    action: (planned) => {
      const count =
        planned.mode === 'bulk' ? planned.plan.ids.length : planned.mode === 'ids' ? planned.rows.length : 1
      return `${sentence(declared.verb)} ${count.toLocaleString('en')} ${count === 1 ? noun : spoken(entity.plural)}`
    },

    async apply(context, input, planned): Promise<Done> {
      const scope = await entityScope(context, system, entity)
      const db = await context.db()
      const actor = actorOf(context)
      const { reading, values } = planned.given
      if (planned.mode === 'bulk') {
        const { applyBulk } = await import('../../crud/bulk.ts')
        const { journalRun } = await import('../../db/journal.ts')
        const options = {
          values,
          filters: await filters(input),
          actor,
          signal: context.signal,
          onProgress: context.ui.progress,
          batchSize: 'batchSize' in input && typeof input.batchSize === 'number' ? input.batchSize : undefined,
        }
        const run = { ...context, actor: context.actor, plan: { verb: declared.verb, rows: planned.plan.ids.length } }
        const result = await journalRun(db, run, async () => {
          const value = await applyBulk(db, scope, declared, planned.plan, options)
          const { moved, skipped, failed, left } = value
          return {
            value,
            counts: { moved, skipped, failed, left },
            exitCode: exitCodeOf({ mode: 'bulk', result: value }),
          }
        })
        return { mode: 'bulk', result }
      }
      if (planned.mode === 'create') {
        const { createAndMove } = await import('../../crud/start.ts')
        const row = await createAndMove(db, scope, declared, reading, values, { actor })
        return { mode: 'one', row, changes: [] }
      }
      const { transitionEach, transitionRows } = await import('../../crud/transition.ts')
      const { changesBetween } = await import('../../crud/changes.ts')
      if (input.keepGoing) {
        const { moved, failures } = await transitionEach(db, scope, declared, input.id, values, { actor })
        warnOf(context, failures)
        return { mode: 'several', rows: moved.map(({ after }) => after), failures }
      }
      const moved = await transitionRows(db, scope, declared, input.id, values, { actor })
      const [only] = moved
      return moved.length === 1 && only
        ? { mode: 'one', row: only.after, changes: changesBetween(entity, only.before, only.after) }
        : { mode: 'several', rows: moved.map(({ after }) => after), failures: [] }
    },
    view: (done, _input, context) => doneView(entity, done, context),
    exitCode: exitCodeOf,
  })

  /** What the question is about: the rows as they are; with `keepGoing`, those that there are. */
  async function named(context: Context, ids: readonly string[], keepGoing: boolean): Promise<readonly Cells[]> {
    if (ids.length < 2 || declared.ends !== true) return ids.map((id) => ({ [entity.primaryKey]: id }))
    const { getRows } = await import('../../crud/get.ts')
    const { presentIds } = await import('../../crud/missing.ts')
    const scope = await entityScope(context, system, entity)
    const db = await context.db()
    const { rows } = await getRows(db, scope, keepGoing ? await presentIds(db, scope, ids) : ids)
    return rows
  }

  function modeOf(input: ParsedInput): Planned['mode'] {
    if (Array.isArray(input.id) && input.id.length > 0) return 'ids'
    if (declared.creates) return 'create'
    return byFilter && hasFilter(entity, withoutTaken(input, takes)) ? 'bulk' : 'ids'
  }
}

function warnOf({ ui }: Context, failures: readonly Failure[]): void {
  for (const { id, reason } of failures) ui.warn(`${id} ${reason}`)
}

function flagsOf(entity: Entity, declared: Transition, byFilter: boolean): Flags & { keepGoing: Flag<boolean> } {
  const takes = Object.keys(declared.takes ?? {})
  const required = Object.entries(declared.takes ?? {}).flatMap(([key, need]) => (need === 'required' ? [key] : []))
  return {
    ...(declared.creates ? fieldFlags(entity, 'create') : {}),
    ...(byFilter ? filterFlags(entity) : {}),
    ...namedFieldFlags(entity, takes, 'takes', required),
    ...(byFilter
      ? {
          maxRows: integer('<n>', 'refuse when more rows than this would change', { min: 1 }),
          batchSize: integer('<n>', 'rows of one transaction (default 500)', { min: 1, max: 10_000 }),
        }
      : {}),
    keepGoing: toggle('with several ids: change those that can be changed, name the others (exit 7)'),
  }
}

/** The input without what the transition takes, which would look like filters. */
function withoutTaken(input: ParsedInput, takes: readonly string[]): ParsedInput {
  return Object.fromEntries(Object.entries(input).filter(([key]) => !takes.includes(key)))
}

function requireOne(
  system: System,
  entity: Entity,
  declared: Transition,
  mode: Planned['mode'],
  input: ParsedInput,
  byFilter: boolean,
): void {
  const ids = Array.isArray(input.id) ? input.id.length : 0
  const words = wordsOf(system, entity, declared.verb)
  if (mode === 'ids' && ids === 0) {
    throw new UsageError({
      code: 'nothing-named',
      message: `No ${spoken(entity.name)} is named`,
      hint: `steward ${words} <id>…${byFilter ? `, or filters such as --${entity.lifecycle?.field ?? 'status'} ${declared.from[0] ?? ''}` : ''}`,
    })
  }
  const others = withoutTaken(input, Object.keys(declared.takes ?? {}))
  if (ids > 0 && byFilter && hasFilter(entity, others)) {
    throw new UsageError({
      code: 'ids-and-filters',
      message: 'Both ids and filters are given',
      hint: 'Name the rows by id or choose them with filters, not both',
    })
  }
  const given = ids > 0 && declared.creates ? Object.keys(givenFields(entity, others)) : []
  if (given.length > 0) {
    throw new UsageError({
      code: 'ids-and-fields',
      message: `Both ids and fields of a new ${spoken(entity.name)} are given: ${given.join(', ')}`,
      hint: `Leave the fields out, or leave the ids out to create a ${spoken(entity.name)}`,
    })
  }
}

function describe(entity: Entity, declared: Transition, byFilter: boolean): string {
  const field = entity.lifecycle?.field ?? 'state'
  const effect = `${declared.summary}: ${field} ${declared.from.join(' or ')} becomes ${declared.to}.`
  if (declared.creates) return `${effect} Without an id the ${spoken(entity.name)} is created first.`
  if (!byFilter) return effect
  return `${effect} By id, or for all that match filters: then the plan is shown and confirmed. ${FILTER_HELP}`
}

function examples(system: System, entity: Entity, declared: Transition, byFilter: boolean): [Example, ...Example[]] {
  const words = wordsOf(system, entity, declared.verb)
  const required = Object.entries(declared.takes ?? {})
    .filter(([, need]) => need === 'required')
    .map(([key]) => ` --${key.replaceAll('_', '-')} '…'`)
    .join('')
  const field = entity.lifecycle?.field.replaceAll('_', '-') ?? 'status'
  const period = entity.list.time === undefined ? '' : ' --until 7d'
  return [
    { command: `${words} ${exampleId(entity)}${required}`, does: declared.summary },
    ...(byFilter
      ? [
          {
            command: `${words} --${field} ${declared.from[0] ?? ''}${period} --max-rows 100${required}`,
            does: 'Many at once: shows the plan and asks',
          },
        ]
      : []),
    ...(declared.creates
      ? [{ command: [words, ...exampleFlags(system, entity)].join(' '), does: 'Creates it first' }]
      : []),
  ]
}
