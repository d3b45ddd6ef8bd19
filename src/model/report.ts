/**
 * Reports: analytic questions with parameters, declared as SQL with the columns it returns. `reports/` runs them,
 * all sections in one read-only snapshot, so that the figures of one report agree with each other.
 */
import type { Cells, Column } from './column.ts'
import type { Sql } from './sql.ts'

export interface Parameter {
  readonly summary: string
  /** The entity that it names a row of, which must exist (exit 4 otherwise), and how that row is called. */
  readonly names?: {
    readonly entity: string
    /** Field that people know the row by; shown beside the id. */
    readonly label?: string
    /** What the report is about when the parameter is absent: `all organizations`. */
    readonly absent?: string
  }
  readonly required?: boolean
  /** Given by place instead of by flag: `report task-summary tsk_…`. Texts only. */
  readonly positional?: boolean
  readonly kind: 'text' | 'integer' | 'uuid'
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
  /** People get the chart instead of the table, because it says the same. */
  readonly instead?: boolean
}

export interface ReportSection {
  /** Key in JSON and for `--section`. */
  readonly key: string
  readonly title: string
  /** `record`: exactly one row. `table`: any number. */
  readonly shape: 'record' | 'table'
  readonly columns: readonly Column[]
  /** Keys of the columns that people see; every column when absent. Machine formats carry them all. */
  readonly shown?: readonly string[]
  readonly sql: (input: ReportInput) => Sql
  readonly chart?: Chart
  /** Said instead of an empty table. */
  readonly empty?: string
}

export type SectionRows = Readonly<Record<string, readonly Cells[]>>

export interface Report {
  readonly name: string
  /** A few words for lists. */
  readonly summary: string
  /** What the figures mean, for the report's own help. */
  readonly description: string
  readonly parameters: Readonly<Record<string, Parameter>>
  /** Length of the window in days when `--since` is not given; absent for reports without a period. */
  readonly days?: number
  readonly sections: readonly ReportSection[]
  /** Advice drawn from the figures, a sentence or two each; shown last, `recommendations` in JSON. */
  readonly recommends?: (rows: SectionRows) => readonly string[]
}

/** Declares a report. */
export function report<const R extends Report>(declared: R): R {
  return declared
}
