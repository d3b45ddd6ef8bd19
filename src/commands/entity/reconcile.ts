import type { Difference, Reconciliation, Repaired } from '../../crud/reconcile.ts'
import { ExitCode, UsageError } from '../../errors.ts'
import type { Column } from '../../model/column.ts'
import type { Entity } from '../../model/entity.ts'
import { columnOf } from '../../model/field.ts'
import type { ReconcileOperation } from '../../model/operation.ts'
import { entityNamed, type System } from '../../model/system.ts'
import type { View } from '../../output/view.ts'
import { type Command, defineDestroyCommand } from '../command.ts'
import { choice, toggle } from '../flags.ts'
import { actorOf } from './actor.ts'
import { entityScope, spoken, wordsOf } from './entity-scope.ts'

interface Planned extends Reconciliation {
  readonly repair: boolean
}

interface Done {
  readonly found: Reconciliation
  /** Absent when nothing was asked to be repaired. */
  readonly repaired?: Repaired
}

/** `wallet reconcile`: balances against the sums of their entries; with `--repair` it puts differences right. */
export function reconcileCommand(system: System, entity: Entity, operation: ReconcileOperation): Command {
  const { ledger } = entity
  const entries = ledger && entityNamed(system, ledger.entries)
  if (!ledger || !entries) throw new RangeError(`${system.name}.${entity.name} has no ledger to reconcile`)
  const words = wordsOf(system, entity, operation.name)
  const [nouns, lines] = [spoken(entity.plural), spoken(entries.plural)]
  return defineDestroyCommand({
    name: operation.name,
    summary: operation.summary,
    description:
      `Compares ${ledger.balance} of every ${spoken(entity.name)} with the sum of its ${lines}, all as of one moment. ` +
      `Exit code 10 when any differ or ${lines} belong to none. --repair sets the balances to the sums: the ${lines} are the record, and the ` +
      `audit log keeps what changed and why. --trust balance leaves the balances and books the differences as ` +
      `${operation.repairType} instead. All are repaired or none, each looked at again under its lock.`,
    examples: [
      { command: words, does: `The ${nouns} that differ` },
      {
        command: `${words} --repair --reason 'restored from backup' --dry-run`,
        does: 'What a repair would change',
      },
      {
        command: `${words} --repair --trust balance --reason 'entries were lost'`,
        does: `Let the balances hold, and book the differences`,
      },
    ],
    flags: {
      repair: toggle('put the differences right; needs --reason'),
      trust: choice(['entries', 'balance'], 'with --repair: the side that is right (default entries)'),
    },
    asks: (input) => input.repair,
    async plan(context, input): Promise<Planned> {
      if (input.repair && !context.globals.reason?.trim()) throw reasonNeeded(words)
      if (!input.repair && input.trust !== undefined) throw nothingToTrust(words)
      const { reconcile } = await import('../../crud/reconcile.ts')
      const found = await reconcile(await context.db(), await entityScope(context, system, entity))
      if (found.unmatched > 0n) {
        const belong = found.unmatched === 1n ? `${spoken(entries.name)} belongs` : `${lines} belong`
        context.ui.warn(`${found.unmatched} ${belong} to no ${spoken(entity.name)}`)
      }
      return { ...found, repair: input.repair }
    },
    planView: (plan) => tableOf(plan),
    nothing: (plan) => (plan.repair && plan.differences.length === 0 ? agreed(plan) : undefined),
    planCode: (plan) => codeOf(plan, plan.repair),
    action: ({ differences }) => {
      const one = differences.length === 1
      return `Repair ${differences.length} ${spoken(one ? entity.name : entity.plural)}`
    },
    async apply(context, input, plan): Promise<Done> {
      if (!input.repair) return { found: plan }
      const [{ repair }, { journalRun }] = await Promise.all([
        import('../../crud/reconcile.ts'),
        import('../../db/journal.ts'),
      ])
      const scope = await entityScope(context, system, entity)
      const db = await context.db()
      const repaired = await journalRun(db, context, async () => {
        const value = await repair(db, scope, operation, plan.differences, {
          trust: input.trust ?? 'entries',
          actor: actorOf(context),
        })
        const counts = { repaired: value.repaired.length, settled: value.settled }
        return { value, counts, exitCode: codeOf(plan, true) }
      })
      if (repaired.settled > 0) context.ui.note(`${repaired.settled} were right by the time they were locked.`)
      return { found: plan, repaired }
    },
    view: ({ found, repaired }) =>
      repaired ? tableOf({ ...found, differences: repaired.repaired }) : tableOf(found),
    exitCode: ({ found, repaired }) => codeOf(found, repaired !== undefined),
  })

  /** Entries of no row stay trouble: no repair knows whose they are. */
  function codeOf({ differences, unmatched }: Reconciliation, repairs: boolean): ExitCode {
    return unmatched > 0n || (differences.length > 0 && !repairs) ? ExitCode.trouble : ExitCode.ok
  }

  function agreed({ rows }: Reconciliation): string {
    const name = ledger?.balance ?? 'balance'
    return rows === 1n
      ? `The ${name} of the only ${spoken(entity.name)} is the sum of its ${lines}.`
      : `Each ${name} of ${rows.toLocaleString('en')} ${nouns} is the sum of its ${lines}.`
  }

  function keyOf(id: string): unknown {
    const kind = entity.fields[entity.primaryKey]?.kind
    return kind === 'integer' ? Number(id) : kind === 'bigint' ? BigInt(id) : id
  }

  function tableOf(found: Reconciliation): View {
    return {
      shape: 'table',
      columns: columns(entity),
      rows: found.differences.map(({ id, ...figures }: Difference) => ({
        [entity.primaryKey]: keyOf(id),
        ...figures,
      })),
      empty: agreed(found),
    }
  }
}

function columns(entity: Entity): Column[] {
  const key = entity.primaryKey
  const field = entity.fields[key]
  return [
    ...(field ? [columnOf(key, field)] : []),
    { key: 'balance', kind: 'bigint', unit: 'count' },
    { key: 'entries', kind: 'bigint', unit: 'count', summary: 'sum of the entries' },
    { key: 'difference', kind: 'bigint', unit: 'count', summary: 'balance less entries' },
  ]
}

function reasonNeeded(words: string): UsageError {
  return new UsageError({
    code: 'reason-needed',
    message: '--repair changes what the record says, and needs a --reason',
    hint: `steward ${words} --repair --reason '…' --dry-run shows what it would change`,
  })
}

function nothingToTrust(words: string): UsageError {
  return new UsageError({
    code: 'invalid-input',
    message: '--trust says which side a repair believes, and nothing is to be repaired',
    hint: `steward ${words} --repair --trust … --reason '…'`,
  })
}
