import type { Difference, Versions } from '../../crud/versions.ts'
import type { Column } from '../../model/column.ts'
import type { Entity } from '../../model/entity.ts'
import { columnOf } from '../../model/field.ts'
import type { VersionsOperation } from '../../model/operation.ts'
import { entityNamed, type System } from '../../model/system.ts'
import { type Command, type Context, defineCommand } from '../command.ts'
import { argument, integer } from '../flags.ts'
import { entityScope, exampleId, spoken, wordsOf } from './entity-scope.ts'

/** Versions listed unless `--limit` says otherwise. */
const DEFAULT_LIMIT = 100
const MAX_LIMIT = 10_000

/** `document versions <id>` and `document diff <id>`, as the operation says what it shows. */
export function versionsCommand(system: System, entity: Entity, operation: VersionsOperation): Command {
  return operation.shows === 'list'
    ? listCommand(system, entity, operation)
    : differenceCommand(system, entity, operation)
}

function listCommand(system: System, entity: Entity, operation: VersionsOperation): Command {
  const words = wordsOf(system, entity, operation.name)
  const noun = spoken(entity.name)
  const kept = entityNamed(system, operation.entity)
  const fields = kept?.fields ?? {}
  const current: Column = { key: 'is_current', label: 'current', kind: 'boolean', summary: 'whether it holds now' }
  const placed = [operation.number, operation.via, kept?.primaryKey]
  const shown = (kept?.list.columns ?? []).filter((key) => !placed.includes(key))
  return defineCommand({
    name: operation.name,
    summary: operation.summary,
    description: `Newest first; the newest is the ${noun} as it is.`,
    examples: [
      { command: `${words} ${exampleId(entity)}`, does: `The last ${DEFAULT_LIMIT}` },
      { command: `${words} ${exampleId(entity)} -o json`, does: 'With everything in them' },
    ],
    effect: 'read',
    args: { id: argument(`id of the ${noun}`) },
    flags: { limit: integer('<n>', `versions at most (default ${DEFAULT_LIMIT})`, { min: 1, max: MAX_LIMIT }) },
    async run(context, input): Promise<Versions> {
      const [{ listVersions, versionScope }, { visibleFields }] = await Promise.all([
        import('../../crud/versions.ts'),
        import('../../crud/select.ts'),
      ])
      const scope = await entityScope(context, system, entity)
      const { globals, format } = context
      const forPeople = (format === 'table' || format === 'md') && globals.fields === undefined
      const all = visibleFields(versionScope(scope, operation).entity, globals.reveal)
      return listVersions(await context.db(), scope, operation, {
        id: await idOf(context, system, entity, input.id),
        // Large texts stay where they are when a person looks at a table.
        fields: forPeople ? all.filter((key) => shown.includes(key) || globals.reveal.includes(key)) : all,
        limit: input.limit ?? DEFAULT_LIMIT,
      })
    },
    view: ({ rows, cut }) => {
      const { [operation.number]: number, ...others } = fields
      return {
        shape: 'table',
        columns: [
          ...(number ? [columnOf(operation.number, number)] : []),
          current,
          ...Object.entries(others).map(([key, field]) => columnOf(key, field)),
        ],
        shown: [operation.number, current.key, ...shown],
        rows,
        more: () =>
          cut
            ? `Only the last ${rows.length === 1 ? 'one is' : `${rows.length.toLocaleString('en')} are`} shown; --limit shows more`
            : undefined,
      }
    },
  })
}

function differenceCommand(system: System, entity: Entity, operation: VersionsOperation): Command {
  const words = wordsOf(system, entity, operation.name)
  const noun = spoken(entity.name)
  return defineCommand({
    name: operation.name,
    summary: operation.summary,
    description:
      `Compares ${operation.compares.join(', ')}: texts of several lines as a unified diff, everything else as it was ` +
      `and as it became. Without numbers the last change.`,
    examples: [
      { command: `${words} ${exampleId(entity)}`, does: 'What changed last' },
      { command: `${words} ${exampleId(entity)} --from 1 --to 3`, does: 'Between two versions' },
      { command: `${words} ${exampleId(entity)} -o json`, does: 'Both texts and the patch, for a program' },
    ],
    effect: 'read',
    args: { id: argument(`id of the ${noun}`) },
    flags: {
      from: integer('<n>', 'version to begin with (default: the one before --to)', { min: 0 }),
      to: integer('<n>', `version to compare it with (default: the ${noun} as it is)`, { min: 0 }),
    },
    async run(context, input): Promise<Difference> {
      const { differenceBetween } = await import('../../crud/versions.ts')
      const id = await idOf(context, system, entity, input.id)
      const scope = await entityScope(context, system, entity)
      const difference = await differenceBetween(await context.db(), scope, operation, { ...input, id })
      if (difference.fields.length === 0) {
        context.ui.note(`Versions ${difference.from} and ${difference.to} do not differ.`)
      }
      return difference
    },
    view: ({ from, to, fields }) => ({
      shape: 'text',
      isPatch: true,
      text: [
        ...fields
          .filter(({ patch }) => patch === null)
          .map(({ field, texts: [before, after] }) => `${field}: ${oneLine(before)} → ${oneLine(after)}\n`),
        ...fields.flatMap(({ patch }) => patch ?? []),
      ].join(''),
      value: {
        from: Number(from),
        to: Number(to),
        fields: fields.map(({ field, before, after, patch }) => ({ field, before, after, patch })),
      },
    }),
  })
}

async function idOf(context: Context, system: System, entity: Entity, given: string): Promise<string> {
  const { resolveIds } = await import('../../crud/ids.ts')
  const [id = given] = await resolveIds(await context.db(), await entityScope(context, system, entity), [given])
  return id
}

function oneLine(text: string | null): string {
  return text === null ? 'none' : text.replaceAll('\n', ' ')
}
