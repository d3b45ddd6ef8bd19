import type { Entity } from '../../model/entity.ts'
import type { Transition } from '../../model/lifecycle.ts'
import type { System } from '../../model/system.ts'
import { type Command, type Context, defineDestroyCommand } from '../command.ts'
import { type Flag, type Flags, toggle, variadicArgument } from '../flags.ts'
import { entityScope, spoken } from './entity-scope.ts'
import { fieldFlags } from './field-flags.ts'
import { filterFlags } from './filter-flags.ts'
import { takenFlags } from './operation-input.ts'
import { bulkFlags, movePlanned, planMatching } from './transition-bulk.ts'
import { createAndStep } from './transition-create.ts'
import { describe, examples } from './transition-help.ts'
import { moveNamed, rehearseRows, rowsAsked } from './transition-ids.ts'
import { type TransitionGiven, transitionInput } from './transition-input.ts'
import { goesByFilter, modeOf, requireOne } from './transition-mode.ts'
import type { Step } from './transition-step.ts'
import { type Done, doneView, exitCodeOf, type Planned, planView, sentence } from './transition-view.ts'

/** `task cancel`: by id, for many by filter where the entity allows bulk, and where declared with creation before. */
export function transitionCommand(system: System, entity: Entity, declared: Transition): Command {
  const byFilter = goesByFilter(entity, declared)
  const { read, filters } = transitionInput(entity, declared)
  const stepOf = async (context: Context, given: TransitionGiven): Promise<Step> => ({
    context,
    scope: await entityScope(context, system, entity),
    declared,
    given,
  })
  return defineDestroyCommand({
    name: declared.verb,
    summary: declared.summary,
    description: describe(entity, declared, byFilter),
    examples: examples(system, entity, declared, byFilter),
    args: { id: variadicArgument(`ids of the ${spoken(entity.plural)}`, { required: false }) },
    flags: { ...flagsOf(entity, declared, byFilter), dryRun: toggle('show the plan and stop') },
    asks: (input) => modeOf(entity, declared, input) === 'bulk' || (declared.ends === true && input.id.length > 1),
    async plan(context, input): Promise<Planned> {
      requireOne(system, entity, declared, input)
      const mode = modeOf(entity, declared, input)
      const given = await read(context, input, mode)
      const step = await stepOf(context, given)
      switch (mode) {
        case 'bulk':
          return { mode, given, ...(await planMatching(step, await filters(step, input), input)) }
        case 'create':
          return { mode, given, ...(input.dryRun ? { row: await createAndStep(step, true) } : {}) }
        case 'ids':
          return { mode, given, ...(await (input.dryRun ? rehearseRows : rowsAsked)(step, input)) }
      }
    },
    planView: (planned) => planView(entity, declared, planned),
    nothing: (planned) =>
      planned.mode === 'bulk' && planned.plan.ids.length === 0
        ? `No ${spoken(entity.plural)} that match are ${declared.from.join(' or ')}; nothing to do.`
        : undefined,
    action: (planned) => {
      const count = countOf(planned)
      const noun = spoken(count === 1 ? entity.name : entity.plural)
      return `${sentence(declared.verb)} ${count.toLocaleString('en')} ${noun}`
    },
    async apply(context, input, planned): Promise<Done> {
      const step = await stepOf(context, planned.given)
      switch (planned.mode) {
        case 'bulk':
          return movePlanned(step, planned.plan, await filters(step, input), input)
        case 'create':
          return { mode: 'created', row: await createAndStep(step, false) }
        case 'ids':
          return moveNamed(step, input)
      }
    },
    view: (done, _input, context) => doneView(entity, done, context),
    exitCode: exitCodeOf,
  })
}

function countOf(planned: Planned): number {
  if (planned.mode === 'create') return 1
  return planned.mode === 'bulk' ? planned.plan.ids.length : planned.rows.length
}

function flagsOf(entity: Entity, declared: Transition, byFilter: boolean): Flags & { keepGoing: Flag<boolean> } {
  return {
    ...(declared.creates ? fieldFlags(entity, 'create') : {}),
    ...(byFilter ? filterFlags(entity) : {}),
    ...takenFlags(entity, declared),
    ...(byFilter ? bulkFlags : {}),
    keepGoing: toggle('with several ids: change those that can be changed, name the others (exit 7)'),
  }
}
