import type { Copied } from '../../crud/copy.ts'
import { UsageError } from '../../errors.ts'
import type { Entity } from '../../model/entity.ts'
import type { CopyOperation } from '../../model/operation.ts'
import type { System } from '../../model/system.ts'
import { type Command, defineCommand } from '../command.ts'
import { argument, type Flag, toggle } from '../flags.ts'
import { actorOf } from './actor.ts'
import { entityColumns } from './changed-view.ts'
import { entityScope, exampleId, spoken, wordsOf } from './entity-scope.ts'
import { assignmentFlags, clearFlag, namedFieldFlags } from './field-flags.ts'
import { cleared, rawTexts } from './raw-values.ts'

/** `workflow new-version`: a changed copy with the next number. */
export function copyCommand(system: System, entity: Entity, operation: CopyOperation): Command {
  const words = `${wordsOf(system, entity, operation.name)} ${exampleId(entity)}`
  const [first = ''] = operation.takes
  const flag = `--${first.replaceAll('_', '-')}`
  const value = entity.fields[first]?.kind === 'json' ? `@${first.replaceAll('_', '-')}.json` : "'…'"
  const retire: Record<string, Flag<boolean>> = operation.retires
    ? { retirePrevious: toggle(`also set ${written(operation.retires)} on every older one`) }
    : {}
  return defineCommand({
    name: operation.name,
    summary: operation.summary,
    description:
      `Copies the ${spoken(entity.name)} with the next ${operation.numbers} and the fields that are given anew; at ` +
      `least one must be. The row itself stays as it is.`,
    examples: [
      { command: `${words} ${flag} ${value}`, does: operation.summary },
      ...(operation.retires
        ? [{ command: `${words} ${flag} ${value} --retire-previous`, does: 'And retire the older ones' }]
        : []),
    ],
    effect: 'write',
    args: { id: argument(`id of the ${spoken(entity.name)} to copy`) },
    flags: {
      ...namedFieldFlags(entity, operation.takes, 'takes'),
      ...assignmentFlags,
      clear: clearFlag,
      ...retire,
      dryRun: toggle('check and show the new row, write nothing'),
    },
    async run(context, input): Promise<Copied> {
      const { inputReader, combined } = await import('../../crud/input.ts')
      const { copyRow } = await import('../../crud/copy.ts')
      const texts = await rawTexts(context, entity, input)
      const nulls = cleared(entity, input.clear, texts)
      if (Object.keys(texts).length + Object.keys(nulls).length === 0) {
        throw new UsageError({
          code: 'nothing-to-change',
          message: 'No field was given a new value, so the copy would be the same',
          hint: `Give one of ${operation.takes.map((key) => `--${key.replaceAll('_', '-')}`).join(', ')}`,
        })
      }
      const reader = await inputReader(entity, 'create', operation.takes)
      const reading = combined(reader.read(texts, 'text'), reader.read(nulls, 'json'))
      const scope = await entityScope(context, system, entity)
      const copied = await copyRow(await context.db(), scope, operation, input.id, reading, {
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

function written(values: NonNullable<CopyOperation['retires']>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key} to ${String(value)}`)
    .join(', ')
}
