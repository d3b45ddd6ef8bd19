import type { Copied } from '../../crud/copy.ts'
import { UsageError } from '../../errors.ts'
import type { Entity } from '../../model/entity.ts'
import type { CopyOperation } from '../../model/operation.ts'
import type { System } from '../../model/system.ts'
import { type Command, defineCommand, type Example } from '../command.ts'
import { argument, type Flag, toggle } from '../flags.ts'
import { actorOf } from './actor.ts'
import { entityColumns } from './changed-view.ts'
import { entityScope, exampleId, spoken, wordsOf } from './entity-scope.ts'
import { assignmentFlags, clearFlag, flagOf, namedFieldFlags } from './field-flags.ts'
import { cleared, rawTexts } from './raw-values.ts'

/** `workflow new-version`: a changed copy with the next number; `execution retry`: a further try as a child. */
export function copyCommand(system: System, entity: Entity, operation: CopyOperation): Command {
  const retire: Record<string, Flag<boolean>> = operation.retires
    ? { retirePrevious: toggle(`also set ${written(operation.retires)} on every older one`) }
    : {}
  return defineCommand({
    name: operation.name,
    summary: operation.summary,
    description: describe(entity, operation),
    examples: examples(system, entity, operation),
    effect: 'write',
    args: { id: argument(`id of the ${spoken(entity.name)} to copy`) },
    flags: {
      ...namedFieldFlags(entity, operation.takes, 'takes'),
      ...(operation.takes.length === 0 ? {} : { ...assignmentFlags, clear: clearFlag }),
      ...retire,
      dryRun: toggle('check and show the new row, write nothing'),
    },
    async run(context, input): Promise<Copied> {
      const { inputReader, combined } = await import('../../crud/input.ts')
      const { copyRow } = await import('../../crud/copy.ts')
      const { resolveIds } = await import('../../crud/ids.ts')
      const texts = await rawTexts(context, entity, input)
      const nulls = cleared(entity, 'clear' in input ? input.clear : [], texts)
      if (operation.numbers !== undefined && Object.keys(texts).length + Object.keys(nulls).length === 0) {
        throw new UsageError({
          code: 'nothing-to-change',
          message: 'No field was given a new value, so the copy would be the same',
          hint: `Give one of ${operation.takes.map((key) => flagOf(entity, key)).join(', ')}`,
        })
      }
      const reader = await inputReader(entity, 'create', operation.takes)
      const reading = combined(reader.read(texts, 'text'), reader.read(nulls, 'json'))
      const scope = await entityScope(context, system, entity)
      const db = await context.db()
      const [id = input.id] = await resolveIds(db, scope, [input.id])
      const copied = await copyRow(db, scope, operation, id, reading, {
        actor: actorOf(context),
        retirePrevious: 'retirePrevious' in input && input.retirePrevious === true,
        dryRun: input.dryRun,
      })
      if (copied.retired.length > 0) {
        const ids = copied.retired.map((row) => String(row[entity.primaryKey])).join(', ')
        context.ui.note(`Retired: ${ids}`)
      }
      if (input.dryRun) context.ui.note('Nothing was written: this is what would be.')
      return copied
    },
    view: ({ row }) => ({ shape: 'record', columns: entityColumns(entity), row }),
  })
}

function describe(entity: Entity, { numbers, links, takes, when = {} }: CopyOperation): string {
  const noun = spoken(entity.name)
  const needs = Object.entries(when).map(([key, values]) => `${key} ${values.map(String).join(' or ')}`)
  return [
    `Copies the ${noun}`,
    needs.length === 0 ? '' : ` (${needs.join(', ')})`,
    numbers === undefined ? '' : ` with the next ${numbers}`,
    links === undefined ? '' : `, linked to it by ${links}`,
    takes.length === 0 ? '' : `${numbers === undefined ? ', with' : ' and'} the fields that are given anew`,
    numbers === undefined ? '.' : '; at least one must be.',
    ` The ${noun} itself stays as it is.`,
  ].join('')
}

function examples(system: System, entity: Entity, { name, summary, takes, numbers, retires }: CopyOperation) {
  const words = `${wordsOf(system, entity, name)} ${exampleId(entity)}`
  const [first] = takes
  const value = entity.fields[first ?? '']?.kind === 'json' ? `@${first?.replaceAll('_', '-')}.json` : "'…'"
  const changed = first === undefined ? words : `${words} ${flagOf(entity, first)} ${value}`
  const all: [Example, ...Example[]] = [{ command: numbers === undefined ? words : changed, does: summary }]
  if (numbers === undefined && first !== undefined) all.push({ command: changed, does: 'With another value' })
  if (retires) all.push({ command: `${changed} --retire-previous`, does: 'And retire the older ones' })
  return all
}

function written(values: NonNullable<CopyOperation['retires']>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key} to ${String(value)}`)
    .join(', ')
}
