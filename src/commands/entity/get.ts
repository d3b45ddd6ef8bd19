import type { Found } from '../../crud/get.ts'
import type { Include } from '../../crud/includes.ts'
import type { Cells, Column } from '../../model/column.ts'
import type { Entity } from '../../model/entity.ts'
import { relationsOf, type System } from '../../model/system.ts'
import { isForPeople, type RecordView, type Section, type View } from '../../output/view.ts'
import { type Command, type Context, defineCommand, type ParsedInput } from '../command.ts'
import { type Flags, list, toggle, variadicArgument } from '../flags.ts'
import { entityScope, exampleId, idWords, spoken, wordsOf } from './entity-scope.ts'

type Related = NonNullable<RecordView['related']>[number]

/** What the view needs; made in `run`, where the features may be imported. */
interface Gotten extends Found {
  readonly columns: readonly Column[]
  /** Columns that hold the related rows where a table holds the rows. */
  readonly nested: readonly Column[]
  readonly related: (row: Cells) => Related[]
}

/** `steward <system> <entity> get`. */
export function getCommand(system: System, entity: Entity): Command {
  const words = wordsOf(system, entity, 'get')
  const relations = [...new Set(relationsOf(system, entity).map((relation) => relation.name))]
  const [first] = relations
  return defineCommand({
    name: 'get',
    aliases: ['show'],
    summary: `Show one ${spoken(entity.name)}, or several, with related rows`,
    examples: [
      { command: `${words} ${exampleId(entity)}`, does: 'Every field' },
      ...(first === undefined
        ? []
        : [
            {
              command: `${words} ${exampleId(entity)} --include ${first} -o json`,
              does: `With its ${spoken(first)}`,
            },
          ]),
      { command: `${words} ${exampleId(entity)} ${exampleId(entity, 19)}`, does: 'Several at once' },
    ],
    effect: 'read',
    args: { id: variadicArgument(idWords(system, entity), { required: true }) },
    flags: flagsOf(entity, relations),
    async run(context, input): Promise<Gotten> {
      const { includes, describe } = await requested(context, system, entity, input)
      const { getRows } = await import('../../crud/get.ts')
      const scope = await entityScope(context, system, entity)
      const found = await getRows(await context.db(), scope, input.id, {
        includes,
        reveal: context.globals.reveal,
        deleted: input.deleted === true,
      })
      for (const cut of found.cuts) {
        const child = cut.relation.entity
        const flag = cut.relation.via.replaceAll('_', '-')
        context.ui.warn(
          `Not all ${spoken(child.plural)} of ${cut.of} are shown. All of them: ` +
            `steward ${wordsOf(system, child, 'list')} --${flag} ${cut.of} --all`,
        )
      }
      return { ...found, ...describe }
    },
    view: (found, _input, context) => viewOf(found, entity, context),
  })
}

function flagsOf({ name, softDelete }: Entity, relations: readonly string[]): Flags {
  return {
    ...(relations.length === 0
      ? {}
      : { include: list('<relations>', `related rows: ${relations.join(', ')}; a dot goes one level further`) }),
    ...(softDelete
      ? { deleted: toggle(`the ${spoken(name)} even if it is deleted, and related rows that are`) }
      : {}),
  }
}

async function requested(
  context: Context,
  system: System,
  entity: Entity,
  input: ParsedInput,
): Promise<{ includes: readonly Include[]; describe: Omit<Gotten, keyof Found> }> {
  const { columnsWithin, parseIncludes, propertyOf } = await import('../../crud/includes.ts')
  const { refuseProblems } = await import('../../crud/scope.ts')
  const { columnsOf } = await import('../../crud/select.ts')
  const { InvalidValue } = await import('../../errors.ts')
  const paths = Array.isArray(input.include) ? input.include.map(String) : []
  const columns = columnsOf(entity, context.globals.reveal)
  let includes: readonly Include[] = []
  try {
    includes = parseIncludes(system, entity, paths)
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error
    refuseProblems([{ where: '--include', reason: error.message }], 'Several relations are separated by commas')
  }
  return {
    includes,
    describe: {
      columns,
      nested: includes.map(({ relation }) => ({ key: propertyOf(relation), kind: 'json' })),
      related: (row) =>
        includes.flatMap((include) => {
          const rows = relatedRows(row[propertyOf(include.relation)])
          const part = { key: propertyOf(include.relation), rows, shown: include.relation.entity.list.columns }
          if (!isForPeople(context.format)) return [{ ...part, columns: columnsWithin(include) }]
          // People read the second level as tables of its own, below the first.
          const deeper = include.includes.map((nested) => ({
            key: `${part.key}.${propertyOf(nested.relation)}`,
            columns: columnsOf(nested.relation.entity),
            rows: listOf(rows).flatMap((child) => listOf(relatedRows(child[propertyOf(nested.relation)]))),
            shown: nested.relation.entity.list.columns,
          }))
          return [{ ...part, columns: columnsOf(include.relation.entity) }, ...deeper]
        }),
    },
  }
}

function viewOf(found: Gotten, entity: Entity, context: Context): View {
  const [only, ...others] = found.rows
  if (only !== undefined && others.length === 0) {
    return { shape: 'record', columns: found.columns, row: only, related: found.related(only) }
  }
  if (isForPeople(context.format) && context.globals.fields === undefined) {
    return { shape: 'sections', sections: found.rows.flatMap((row) => sectionsOf(row, found, entity)) }
  }
  return { shape: 'table', columns: [...found.columns, ...found.nested], rows: found.rows }
}

/** One of several for people: every field, and below it a table for each relation. */
function sectionsOf(row: Cells, found: Gotten, entity: Entity): Section[] {
  const id = String(row[entity.primaryKey])
  const related = found.related(row).map((part): Section => {
    const { columns, rows, shown } = part
    const words = { key: `${id}.${part.key}`, title: `${id} ${part.key}`, columns }
    if (rows !== null && !Array.isArray(rows)) return { kind: 'record', ...words, row: rows }
    return { kind: 'table', ...words, ...(shown === undefined ? {} : { shown }), rows: rows ?? [], empty: 'none' }
  })
  return [{ kind: 'record', key: id, title: id, columns: found.columns, row }, ...related]
}

function relatedRows(value: unknown): Cells[] | Cells | null {
  if (Array.isArray(value)) return value.filter(isRow)
  return isRow(value) ? value : null
}

function listOf(rows: Cells[] | Cells | null): Cells[] {
  if (rows === null) return []
  return Array.isArray(rows) ? rows.filter(isRow) : [rows].filter(isRow)
}

function isRow(value: unknown): value is Cells {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
