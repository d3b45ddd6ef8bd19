/** What a transition shows: its plan, and what came of it. */
import type { BulkPlan, BulkResult } from '../../crud/bulk.ts'
import type { Change, Failure } from '../../crud/changes.ts'
import type { Consequence } from '../../crud/consequences.ts'
import type { Rehearsal } from '../../crud/rehearse.ts'
import { ExitCode } from '../../errors.ts'
import type { Cells, Column } from '../../model/column.ts'
import type { Entity } from '../../model/entity.ts'
import type { Transition } from '../../model/lifecycle.ts'
import type { Section, View } from '../../output/view.ts'
import type { Context } from '../command.ts'
import { changedRow, changedRows, entityColumns } from './changed-view.ts'
import { consequenceSections } from './consequence-view.ts'
import { spoken } from './entity-scope.ts'
import type { TransitionGiven } from './transition-input.ts'

const STATES: readonly Column[] = [
  { key: 'state', kind: 'text' },
  { key: 'rows', kind: 'bigint', unit: 'count' },
  { key: 'change', kind: 'text' },
]
const COUNTS: readonly Column[] = ['planned', 'moved', 'skipped', 'failed', 'left'].map((key) => ({
  key,
  kind: 'integer',
  unit: 'count',
}))
const FAILURES: readonly Column[] = [
  { key: 'id', kind: 'text' },
  { key: 'reason', kind: 'text' },
]

/** What a transition is about to do. */
export type Planned = { readonly given: TransitionGiven } & (
  | { readonly mode: 'ids'; readonly rows: readonly Cells[]; readonly consequences: readonly Consequence[] }
  | { readonly mode: 'create'; readonly row?: Cells }
  | { readonly mode: 'bulk'; readonly plan: BulkPlan; readonly rehearsal: Rehearsal }
)

/** What it did. */
export type Done =
  | { readonly mode: 'created'; readonly row: Cells }
  | { readonly mode: 'one'; readonly row: Cells; readonly changes: readonly Change[] }
  | { readonly mode: 'several'; readonly rows: readonly Cells[]; readonly failures: readonly Failure[] }
  | { readonly mode: 'bulk'; readonly result: BulkResult }

export function planView(entity: Entity, declared: Transition, planned: Planned): View {
  if (planned.mode === 'ids') return plannedRows(entity, planned.rows, consequenceSections(planned.consequences))
  if (planned.mode === 'create') {
    return planned.row ? { shape: 'record', columns: entityColumns(entity), row: planned.row } : { shape: 'silent' }
  }
  const { plan } = planned
  const { consequences, rehearsed } = planned.rehearsal
  const rows = plan.states.map(({ state, rows: count, moves }) => ({
    state,
    rows: count,
    change: moves ? `becomes ${toOf(declared)}` : 'stays',
  }))
  const sections: Section[] = [
    { kind: 'table', key: 'states', title: `${sentence(spoken(entity.plural))} that match`, columns: STATES, rows },
    ...consequenceSections(consequences, rehearsed < plan.ids.length ? rehearsed : undefined),
  ]
  return { shape: 'sections', sections }
}

/** Rows of a plan: alone where nothing else changes with them. */
export function plannedRows(entity: Entity, rows: readonly Cells[], consequences: readonly Section[]): View {
  if (consequences.length === 0) return changedRows(entity, rows)
  const columns = entityColumns(entity)
  const own: Section = {
    kind: 'table',
    key: 'rows',
    title: sentence(spoken(entity.plural)),
    columns,
    shown: entity.list.columns,
    rows,
  }
  return { shape: 'sections', sections: [own, ...consequences] }
}

function toOf({ to, instead }: Transition): string {
  return instead ? `${to}, or ${instead.to} where ${instead.when.field} is below ${instead.when.isBelow}` : to
}

export function doneView(entity: Entity, done: Done, context: Context): View {
  if (done.mode === 'created') return { shape: 'record', columns: entityColumns(entity), row: done.row }
  if (done.mode === 'one') return changedRow(entity, done.row, done.changes, context)
  if (done.mode === 'several' && done.failures.length === 0) return changedRows(entity, done.rows)
  const failures = done.mode === 'bulk' ? done.result.failures : done.failures
  const failed: Section[] =
    failures.length === 0
      ? []
      : [
          {
            kind: 'table',
            key: 'failures',
            title: 'Not changed',
            columns: FAILURES,
            rows: failures.map(({ id, reason }): Cells => ({ id, reason })),
          },
        ]
  const first: Section =
    done.mode === 'bulk'
      ? { kind: 'record', key: 'counts', title: 'Result', columns: COUNTS, row: countsOf(done.result) }
      : {
          kind: 'table',
          key: 'changed',
          title: 'Changed',
          columns: entityColumns(entity),
          shown: entity.list.columns,
          rows: done.rows,
        }
  return { shape: 'sections', sections: [first, ...failed] }
}

function countsOf({ planned, moved, skipped, failed, left }: BulkResult): Cells {
  return { planned, moved, skipped, failed, left }
}

/** 7 when some rows failed, the stop's own code when it was stopped. */
export function exitCodeOf(done: Done): ExitCode {
  if (done.mode === 'created' || done.mode === 'one') return ExitCode.ok
  if (done.mode === 'several') return done.failures.length > 0 ? ExitCode.partial : ExitCode.ok
  if (done.result.stopped) return done.result.stopped.exitCode
  return done.result.failed > 0 ? ExitCode.partial : ExitCode.ok
}

/** With a capital letter. */
export function sentence(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1)
}
