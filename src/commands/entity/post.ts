import type { Posted } from '../../crud/ledger.ts'
import { InvalidValue, UsageError } from '../../errors.ts'
import type { Column } from '../../model/column.ts'
import type { Entity } from '../../model/entity.ts'
import { columnOf } from '../../model/field.ts'
import type { PostOperation } from '../../model/operation.ts'
import { entityNamed, type System } from '../../model/system.ts'
import type { View } from '../../output/view.ts'
import { type Command, type Context, defineCommand, type Example, type ParsedInput } from '../command.ts'
import { argument, type Flag, type Flags, toggle } from '../flags.ts'
import { actorOf } from './actor.ts'
import { entityColumns } from './changed-view.ts'
import { entityScope, exampleId, spoken, wordsOf } from './entity-scope.ts'
import { flagOf, inputName, namedFieldFlags } from './field-flags.ts'
import { promptForTaken } from './prompts.ts'
import { rawTexts } from './raw-values.ts'

/** `wallet debit`: one entry and the new balance. */
export function postCommand(system: System, entity: Entity, operation: PostOperation): Command {
  const { ledger } = entity
  const entries = ledger && entityNamed(system, ledger.entries)
  if (!ledger || !entries) throw new RangeError(`${system.name}.${entity.name} has no ledger to ${operation.name}`)
  const amountName = amountFlag(ledger.amount, operation)
  const takes = Object.keys(operation.takes)
  const required = takes.filter((key) => operation.takes[key] === 'required')
  const noun = spoken(entity.name)
  return defineCommand({
    name: operation.name,
    summary: operation.summary,
    description: describe(entity, entries, operation),
    examples: examples(system, entity, entries, operation, amountName),
    effect: 'write',
    args: { id: argument(`id of the ${noun}`) },
    flags: {
      ...namedFieldFlags(entries, takes, 'takes', required),
      [inputName(amountName)]: amountOf(operation),
      dryRun: toggle('check and show the entry and the balance, write nothing'),
    } satisfies Flags,
    async run(context, input: ParsedInput): Promise<Posted> {
      const [{ inputReader, requiredReason }, { postEntry, readAmount }, { resolveIds }] = await Promise.all([
        import('../../crud/input.ts'),
        import('../../crud/ledger.ts'),
        import('../../crud/ids.ts'),
      ])
      const field = entries.fields[ledger.amount]
      if (!field) throw new RangeError(`${entries.name} declares no field ${ledger.amount}`)
      const amount = withinColumn(`--${inputName(amountName).replaceAll('_', '-')}`, () =>
        readAmount(field, operation, String(input[inputName(amountName)])),
      )
      const reader = await inputReader(entries, 'create', takes)
      const given = await rawTexts(context, entries, input, takes)
      const texts = { ...given, ...(await promptForTaken(context, entries, operation.takes, reader, given)) }
      const reading = reader.read(texts, 'text')
      const missing = required
        .filter((key) => !Object.hasOwn(texts, key))
        .map((key) => ({ where: key, reason: requiredReason(entries.fields[key] ?? field) }))
      const scope = await entityScope(context, system, entity)
      const db = await context.db()
      const [id = ''] = await resolveIds(db, scope, [String(input.id)])
      const posted = await postEntry(
        db,
        scope,
        operation,
        id,
        { amount, reading: { values: reading.values, problems: [...reading.problems, ...missing] } },
        { actor: reasoned(context, texts.reason), dryRun: input.dryRun === true },
      )
      if (!posted.booked) {
        context.ui.note(`It was booked before as ${entries.name} ${idOf(entries, posted)}; nothing was done.`)
      } else if (input.dryRun === true) context.ui.note('Nothing was written: this is what would be.')
      return posted
    },
    view: (posted) => viewOf(entity, entries, posted),
  })
}

/**
 * The flag of the amount is named after what is counted, the last word of the field: `delta_credits` gives `--credits`.
 * Where the operation takes a field of that name, it is the whole name of the field.
 */
function amountFlag(amount: string, { takes }: PostOperation): string {
  const word = amount.split('_').at(-1) ?? amount
  return Object.hasOwn(takes, word) ? amount : word
}

/** What the column cannot hold is wrong on the command line as well. */
function withinColumn(where: string, read: () => bigint): bigint {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error
    throw new UsageError({
      code: 'invalid-input',
      message: `${where} ${error.message}`,
      hint: 'Give a smaller amount, or several',
    })
  }
}

const MEANINGS = {
  plus: 'how many to add',
  minus: 'how many to take',
  given: 'how many to add, or to take when negative',
} as const

/** The bounds of the column are checked when the command runs: they need more than is loaded for help. */
function amountOf({ sign }: PostOperation): Flag<string> {
  const signed = sign === 'given'
  const legal = signed ? 'a whole number other than 0' : 'a whole number greater than 0'
  return {
    metavar: '<n>',
    summary: `${MEANINGS[sign]}: ${legal}, required`,
    group: 'Fields:',
    fallback: '',
    required: true,
    parse(raw) {
      const right = /^[+-]?\d+$/.test(raw.trim()) && BigInt(raw.trim().replace('+', '')) !== 0n
      if (!right || (!signed && raw.trim().startsWith('-'))) throw new InvalidValue(`must be ${legal}`)
      return raw.trim()
    },
  }
}

/** Where the entry has a reason of its own, it is the one in the audit log as well. */
function reasoned(context: Context, own: unknown) {
  const actor = actorOf(context)
  return actor.reason === undefined && typeof own === 'string' ? { ...actor, reason: own } : actor
}

function describe(entity: Entity, entries: Entity, { sign, once = [] }: PostOperation): string {
  const balance = entity.ledger?.balance ?? 'balance'
  const booked =
    sign === 'minus'
      ? `Takes the amount off ${balance}, refused when there is less`
      : sign === 'plus'
        ? `Adds the amount to ${balance}`
        : `Adds the amount to ${balance}, or takes it off when it is negative; refused below 0`
  const events =
    once.length === 0
      ? ''
      : ` Booked once for each ${once.map((key) => flagOf(entries, key)).join(' and ')}: again with the same amount it ` +
        `does nothing (exit 0), with another it is refused (exit 5).`
  return `${booked}; the new balance and its ${spoken(entries.name)} are written together or not at all.${events}`
}

function examples(
  system: System,
  entity: Entity,
  entries: Entity,
  operation: PostOperation,
  amount: string,
): [Example, ...Example[]] {
  const flags = Object.entries(operation.takes).flatMap(([key, need]) =>
    need === 'required' ? [`${flagOf(entries, key)} '…'`] : [],
  )
  const flag = `--${inputName(amount).replaceAll('_', '-')} ${operation.sign === 'given' ? '-20' : '100'}`
  const command = [wordsOf(system, entity, operation.name), exampleId(entity), flag, ...flags].join(' ')
  return [
    { command, does: operation.summary },
    { command: `${command} --dry-run`, does: 'Whether it could be' },
  ]
}

const BALANCE: readonly Column[] = [
  { key: 'before', kind: 'bigint', unit: 'count' },
  { key: 'after', kind: 'bigint', unit: 'count' },
  { key: 'booked', kind: 'boolean', summary: 'false when it was booked before' },
]

function viewOf(entity: Entity, entries: Entity, { entry, row, before, after, booked }: Posted): View {
  const key = entity.primaryKey
  const field = entity.fields[key]
  const shown = Object.keys(entries.fields).filter((name) => (entry[name] ?? null) !== null)
  return {
    shape: 'sections',
    sections: [
      {
        kind: 'record',
        key: 'entry',
        title: spoken(entries.name),
        columns: entityColumns(entries),
        shown,
        row: entry,
      },
      {
        kind: 'record',
        key: 'balance',
        title: `${spoken(entity.name)}: ${entity.ledger?.balance ?? 'balance'}`,
        columns: [...(field ? [columnOf(key, field)] : []), ...BALANCE],
        row: { [key]: row[key], before, after, booked },
      },
    ],
  }
}

function idOf(entries: Entity, { entry }: Posted): string {
  return String(entry[entries.primaryKey])
}
