/**
 * Reports: analytic questions with parameters, declared as SQL with the columns it returns. `reports/` runs them,
 * all sections in one read-only snapshot, so that the figures of one report agree with each other.
 */
import type { Cells, Column } from './column.ts'
import type { Sql } from './sql.ts'

export interface Parameter {
  readonly summary: string
  /** Entity whose row must exist (exit 4 otherwise), for `--organization-id` and the like. */
  readonly entity?: string
  readonly required?: boolean
  /** Given by place instead of by flag: `report task-summary tsk_…`. */
  readonly positional?: boolean
  readonly kind: 'text' | 'integer'
  readonly default?: string | number
  readonly metavar?: string
}

/** Half-open window `[since, until)`, both ISO 8601 UTC; `since` before `until`. */
export interface Window {
  readonly since: string
  readonly until: string
}

export interface ReportInput {
  /** Declared parameters by name; absent optional ones are undefined. */
  readonly parameters: Readonly<Record<string, string | number | undefined>>
  /** Present when the report has a period. */
  readonly window: Window
  /** A table of the report's system, quoted with the schema the profile gives it. */
  readonly table: (name: string) => Sql
}

export interface Chart {
  readonly kind: 'bars' | 'line'
  /** Column along the axis. */
  readonly x: string
  /** Columns drawn, one series each. */
  readonly y: readonly string[]
}

export interface ReportSection {
  /** Key in JSON and for `--section`. */
  readonly key: string
  readonly title: string
  /** `record`: exactly one row. `table`: any number. */
  readonly shape: 'record' | 'table'
  readonly columns: readonly Column[]
  readonly sql: (input: ReportInput) => Sql
  readonly chart?: Chart
  /** Said instead of an empty table. */
  readonly empty?: string
}

export type SectionRows = Readonly<Record<string, readonly Cells[]>>

export interface Report {
  readonly name: string
  readonly summary: string
  readonly parameters: Readonly<Record<string, Parameter>>
  /** Default window when neither `--since` nor `--days` is given; absent for reports without a period. */
  readonly days?: number
  readonly sections: readonly ReportSection[]
  /** Advice drawn from the figures, one sentence each; shown last, `recommendations` in JSON. */
  readonly recommends?: (rows: SectionRows) => readonly string[]
}

/** Declares a report. */
export function report<const R extends Report>(declared: R): R {
  return declared
}
