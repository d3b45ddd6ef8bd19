import { UsageError } from '../../errors.ts'
import type { Cells, Column } from '../../model/column.ts'
import type { Entity } from '../../model/entity.ts'
import { columnOf } from '../../model/field.ts'
import { httpUrl } from '../../model/rule.ts'
import type { System } from '../../model/system.ts'
import type { View } from '../../output/view.ts'
import { type Command, type Context, defineCommand, type Example, type ParsedInput } from '../command.ts'
import { type Flags, text, toggle } from '../flags.ts'
import { actorOf } from './actor.ts'
import { article, entityScope, spoken, wordsOf } from './entity-scope.ts'
import { assignmentFlags, exampleFlags, fieldFlags } from './field-flags.ts'
import { operationNames } from './operation-names.ts'
import { promptForMissing } from './prompts.ts'
import { rawTexts } from './raw-values.ts'
import { importExitCode, refusedOf, sourceFlags } from './source-input.ts'

/** Name of the column that carries a new secret; see `crud/secrets.ts`. */
const SECRET = 'secret'

/** Flags about checking URLs (decision 24); only for entities that hold any. */
const urlFlags = {
  checkUrl: toggle('also ask every URL whether it answers (HEAD, 5 s)'),
  allowPrivate: toggle('with --check-url: also ask addresses that are not public'),
}

interface Created {
  readonly rows: readonly Cells[]
  readonly exitCode: ReturnType<typeof importExitCode>
}

/** Other names of the verb, as far as no operation of the entity has them. */
const ALIASES = ['create', 'new', 'add']

/** `steward <system> <entity> create`, or as the entity calls it (`work-order enqueue`). */
export function createCommand(system: System, entity: Entity): Command {
  const bulk = entity.verbs.includes('bulk')
  const noun = spoken(entity.name)
  const name = entity.createdAs ?? 'create'
  const taken = [name, ...operationNames(entity)]
  return defineCommand({
    name,
    aliases: ALIASES.filter((alias) => !taken.includes(alias)),
    summary: `${sentence(name)} ${article(noun)} ${noun}${bulk ? ', or several from a file' : ''}`,
    description:
      `Creates ${article(noun)} ${noun} from flags, from --from, or, on a terminal, from answers: what is required ` +
      `and missing is asked for. All problems of the input are reported together.` +
      (entity.issues ? ` The secret is shown once; only its SHA-256 is stored.` : ''),
    examples: examples(system, entity, bulk),
    effect: 'write',
    flags: flagsOf(entity, bulk),
    async run(context, input): Promise<Created> {
      if (entity.issues && input.dryRun !== true) requireShown(context)
      const created =
        input.from === undefined
          ? await createOne(context, system, entity, input)
          : await createFrom(context, system, entity, input)
      if (entity.issues && created.rows.length > 0 && input.dryRun !== true) {
        context.ui.warn(`The secret is shown this once and cannot be read again: keep it now.`)
      }
      return created
    },
    exitCode: ({ exitCode }) => exitCode,
    view: ({ rows }, input, context) => viewOf(entity, rows, input, context),
  })
}

function flagsOf(entity: Entity, bulk: boolean) {
  const { dryRun, keepGoing, rejects, ignore, format, batchSize } = sourceFlags
  return {
    ...fieldFlags(entity, 'create'),
    ...assignmentFlags,
    from: text(
      '<file|->',
      `values from a file or stdin: JSON${bulk ? ', NDJSON or CSV, one or many rows' : ', NDJSON or CSV, one row'}`,
    ),
    format,
    dryRun,
    ignore,
    ...(bulk ? { keepGoing, rejects, batchSize } : {}),
    ...(hasUrls(entity) ? urlFlags : {}),
  } satisfies Flags
}

async function createOne(context: Context, system: System, entity: Entity, input: ParsedInput): Promise<Created> {
  const { inputReader, combined } = await import('../../crud/input.ts')
  const { createRows } = await import('../../crud/create.ts')
  const reader = await inputReader(entity, 'create')
  const given = await rawTexts(context, entity, input)
  const answers = await promptForMissing(context, entity, reader, given)
  const reading = combined(reader.read(given, 'text'), reader.read(answers, 'text'))
  const problems = [...reading.problems, ...reader.missing(reading)]
  const candidate = { values: reading.values, problems }
  problems.push(...(await urlProblems(entity, input)(reading.values)))
  const scope = await entityScope(context, system, entity)
  const rows = await createRows(await context.db(), scope, [candidate], {
    actor: actorOf(context),
    dryRun: input.dryRun === true,
  })
  if (input.dryRun === true) context.ui.note(`Nothing was written: this is what would be.`)
  return { rows, exitCode: 0 }
}

async function createFrom(context: Context, system: System, entity: Entity, input: ParsedInput): Promise<Created> {
  const { importSource } = await import('./import-source.ts')
  const rows: Cells[] = []
  const checkUrls = urlProblems(entity, input)
  const result = await importSource(context, system, entity, String(input.from), input, {
    verb: entity.createdAs ?? 'create',
    examine: ({ values }) => checkUrls(values),
    onStored: (stored) => rows.push(...stored),
  })
  if (result.rejectsFile !== null) {
    context.ui.warn(
      `${refusedOf(result, 'rows')}; ${result.rejected === 1 ? 'it is' : 'they are'} in ${result.rejectsFile}`,
    )
  }
  if (input.dryRun === true) context.ui.note(`Nothing was written: this is what would be.`)
  return { rows, exitCode: importExitCode(result) }
}

function urlProblems(entity: Entity, input: ParsedInput) {
  return async (values: Readonly<Record<string, unknown>>) => {
    if (input.checkUrl !== true) return []
    const { isPublic, unreachableUrls } = await import('../../crud/reachable.ts')
    return unreachableUrls(entity, values, { mayAsk: input.allowPrivate === true ? () => true : isPublic })
  }
}

/** A secret that is not shown now is lost. @throws UsageError (exit 2) */
function requireShown({ globals: { fields } }: Context): void {
  if (fields === undefined || fields.includes(SECRET)) return
  throw new UsageError({
    code: 'secret-not-shown',
    message: `--fields leaves out ${SECRET}, which is shown this once and never again; nothing was created`,
    hint: `Add it: --fields ${[SECRET, ...fields].join(',')}`,
  })
}

function viewOf(entity: Entity, rows: readonly Cells[], input: ParsedInput, context: Context): View {
  const one = input.from === undefined
  // The secret of a rehearsal opens nothing: nobody is to write it down.
  const issued = entity.issues !== undefined && input.dryRun !== true
  const secret: Column[] = issued ? [{ key: SECRET, kind: 'text', summary: 'the secret, shown once' }] : []
  const columns = [...secret, ...Object.entries(entity.fields).map(([key, field]) => columnOf(key, field))]
  const [first] = rows
  if (one && first !== undefined) return { shape: 'record', columns, row: first }
  const shown = [...secret.map(({ key }) => key), ...entity.list.columns, ...context.globals.reveal]
  return { shape: 'table', columns, shown, rows, empty: `No ${spoken(entity.plural)} were created` }
}

function hasUrls(entity: Entity): boolean {
  return Object.values(entity.fields).some(({ rules }) => rules.includes(httpUrl))
}

function examples(system: System, entity: Entity, bulk: boolean): [Example, ...Example[]] {
  const words = wordsOf(system, entity, entity.createdAs ?? 'create')
  return [
    { command: [words, ...exampleFlags(system, entity)].join(' '), does: 'From flags' },
    { command: words, does: 'On a terminal: asks for what is required' },
    bulk
      ? { command: `${words} --from ${entity.plural}.ndjson --dry-run`, does: 'Many from a file, checked first' }
      : { command: `${words} --from ${entity.name}.json`, does: 'From a JSON file' },
  ]
}

function sentence(verb: string): string {
  return verb.charAt(0).toUpperCase() + verb.slice(1)
}
