import type { InputReader, Reading } from '../../crud/input.ts'
import type { Snapshot, Updated } from '../../crud/update.ts'
import { RefusedError, type StewardError, UsageError } from '../../errors.ts'
import type { Entity } from '../../model/entity.ts'
import { isSettableAt } from '../../model/field.ts'
import type { Lifecycle } from '../../model/lifecycle.ts'
import type { System } from '../../model/system.ts'
import { type Command, type Context, defineCommand, type Example } from '../command.ts'
import { argument, toggle } from '../flags.ts'
import { actorOf } from './actor.ts'
import { changedRow } from './changed-view.ts'
import { entityScope, exampleId, idWords, spoken, wordsOf } from './entity-scope.ts'
import { assignmentFlags, clearFlag, fieldFlags } from './field-flags.ts'
import { cleared, rawTexts } from './raw-values.ts'

/** `steward <system> <entity> update`. */
export function updateCommand(system: System, entity: Entity): Command {
  const noun = spoken(entity.name)
  const { lifecycle } = entity
  const state = lifecycle ? ` Its ${lifecycle.field} is changed by ${changedBy(lifecycle)}.` : ''
  return defineCommand({
    name: 'update',
    aliases: ['set'],
    summary: `Change fields of one ${noun}`,
    description: `Changes fields of one ${noun}, refused when someone else changed it since it was read.${state}`,
    examples: examples(system, entity),
    effect: 'write',
    args: { id: argument(idWords(system, entity)) },
    flags: {
      ...fieldFlags(entity, 'update'),
      ...assignmentFlags,
      clear: clearFlag,
      edit: toggle('open the fields in $VISUAL or $EDITOR, as YAML'),
      dryRun: toggle('check and show the change, write nothing'),
    },
    async run(context, input): Promise<Updated> {
      const { combined, inputReader, refuseInput } = await import('../../crud/input.ts')
      const { resolveIds } = await import('../../crud/ids.ts')
      const { refuseDeleted } = await import('../../crud/soft-delete.ts')
      const { readSnapshot, updateRow } = await import('../../crud/update.ts')
      const texts = await rawTexts(context, entity, input)
      const nulls = cleared(entity, input.clear, texts)
      const reader = await inputReader(entity, 'update')
      const given = combined(reader.read(texts, 'text'), reader.read(nulls, 'json'))
      const nothingGiven = Object.keys(texts).length + Object.keys(nulls).length === 0
      if (nothingGiven && !input.edit) throw nothingToChange(system, entity)
      if (input.edit && !context.ui.interactive) throw noEditor()
      refuseInput(entity, 'update', input.edit ? given.problems : [])
      const scope = await entityScope(context, system, entity)
      const db = await context.db()
      const [id = input.id] = await resolveIds(db, scope, [input.id])
      const snapshot = await readSnapshot(db, scope, id)
      // Before the editor opens on a row that cannot be changed.
      refuseDeleted(scope, snapshot.row)
      const write = (reading: Reading) =>
        updateRow(db, scope, id, snapshot, reading, { actor: actorOf(context), dryRun: input.dryRun })
      const updated = input.edit ? await edited(context, entity, reader, snapshot, given, write) : await write(given)
      if (updated.changes.length === 0) context.ui.note('Nothing changed.')
      else if (input.dryRun) context.ui.note('Nothing was written: this is what would change.')
      return updated
    },
    view: ({ row, changes }, _input, context) => changedRow(entity, row, changes, context),
  })
}

/** Edits until the text is right or the person gives up; what was typed is never lost to a typing error. */
async function edited(
  { ui }: Context,
  entity: Entity,
  reader: InputReader,
  snapshot: Snapshot,
  given: Reading,
  write: (reading: Reading) => Promise<Updated>,
): Promise<Updated> {
  const { EDIT_EXTENSION, editedValues, textToEdit } = await import('../../crud/edit.ts')
  const { said } = await import('../../crud/input.ts')
  const original = await textToEdit(entity, { ...snapshot.row, ...given.values })
  let text = original
  for (;;) {
    text = await ui.edit(text, EDIT_EXTENSION)
    try {
      const values = await editedValues(text)
      return await write(reader.read(values, 'json'))
    } catch (error) {
      if (!(error instanceof RefusedError) || error.code === 'changed-meanwhile') throw error
      for (const line of [error.message, ...error.problems.map(said)]) ui.warn(line)
      if (!(await ui.confirm('Edit again?'))) throw error
    }
  }
}

/** Verbs that change the state. */
function changedBy({ transitions }: Lifecycle): string {
  return transitions.flatMap(({ verb, internal }) => (internal ? [] : [verb])).join(', ')
}

function nothingToChange(system: System, entity: Entity): StewardError {
  const fields = Object.keys(entity.fields).filter((key) => {
    const field = entity.fields[key]
    return field !== undefined && isSettableAt(field, 'update')
  })
  return new UsageError({
    code: 'nothing-to-change',
    message: 'No field was given a value',
    hint: `steward ${wordsOf(system, entity, 'update')} takes ${fields.map((key) => `--${key.replaceAll('_', '-')}`).join(', ')}, --clear or --edit`,
  })
}

function noEditor(): StewardError {
  return new UsageError({
    code: 'no-terminal',
    message: '--edit needs a terminal',
    hint: 'Give the new values as flags instead',
  })
}

function examples(system: System, entity: Entity): [Example, ...Example[]] {
  const words = `${wordsOf(system, entity, 'update')} ${exampleId(entity)}`
  const settable = Object.entries(entity.fields).filter(([, field]) => isSettableAt(field, 'update') && !field.secret)
  const plain = settable.find(([, field]) => field.kind === 'text' || field.kind === 'integer')
  const nullable = settable.find(([, field]) => field.nullable)
  const value = plain?.[1].kind === 'integer' ? '5' : "'…'"
  return [
    plain
      ? { command: `${words} --${plain[0].replaceAll('_', '-')} ${value}`, does: 'One field' }
      : { command: `${words} --set field=value`, does: 'One field' },
    { command: `${words} --edit`, does: 'In your editor' },
    ...(nullable ? [{ command: `${words} --clear ${nullable[0]}`, does: 'Set a field to NULL' }] : []),
  ]
}
