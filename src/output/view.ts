/**
 * What a command shows, before anyone knows in which format. Commands build one of these from the data that `run`
 * returned; one renderer turns it into a table, JSON, NDJSON, CSV, TSV, YAML or Markdown.
 */
import type { Cells, Column, Tone } from '../model/column.ts'
import type { Chart } from '../model/report.ts'

export const FORMATS = ['table', 'json', 'ndjson', 'csv', 'tsv', 'yaml', 'md'] as const
export type Format = (typeof FORMATS)[number]

/** True for the formats that people read. */
export function isForPeople(format: Format): boolean {
  return format === 'table' || format === 'md'
}

/** Many rows of one shape. Streamed: the renderer never holds more rows than the format needs. */
export interface TableView {
  readonly shape: 'table'
  readonly columns: readonly Column[]
  /** Keys of the columns that people see; every column when absent. Machine formats carry them all. */
  readonly shown?: readonly string[]
  readonly rows: Iterable<Cells> | AsyncIterable<Cells>
  readonly title?: string
  /** Said on stderr instead of an empty table. */
  readonly empty?: string
  /** Asked after the last row: the line for stderr when the list was cut, with the next cursor. */
  readonly more?: () => string | undefined
  /** Rows come as they happen: each is passed on at once, whatever the format. */
  readonly live?: boolean
}

/**
 * Lines of a log, oldest first. People read `time LEVEL place message`; with `--fields`, and in every other format, it
 * is a table.
 */
export interface LinesView {
  readonly shape: 'lines'
  readonly columns: readonly Column[]
  /** Rows as they were read, some at a time, so that what stands above each other can be aligned. */
  readonly batches: AsyncIterable<readonly Cells[]>
  /** Keys of the columns that make the line. */
  readonly line: {
    readonly time: string
    readonly level: string
    readonly message: string
    /** Shown before the message where it has a value. */
    readonly beside?: string
  }
  /** The levels there are, so that all are given the same room. */
  readonly levels: readonly string[]
  readonly empty?: string
  readonly more?: () => string | undefined
  /** More lines come as they happen. */
  readonly live?: boolean
}

/** Things below things, for people; `data` says the same in every other format. */
export interface TreeView {
  readonly shape: 'tree'
  readonly title?: string
  readonly roots: readonly Branch[]
  readonly data: TableView | SectionsView
  /** Said on stderr instead of an empty tree. */
  readonly empty?: string
  readonly more?: () => string | undefined
}

/** One thing of a tree. */
export interface Branch {
  /** Its first line, two spaces between the parts. The first part is cut where there is no room. */
  readonly head: readonly Mark[]
  /** A text below it, in lines as wide as there is room. */
  readonly text?: string
  readonly branches: readonly Branch[]
}

/** A few words and how they look. */
export interface Mark {
  readonly text: string
  readonly tone?: Tone
  /** Stands out, or steps back. */
  readonly weight?: 'bold' | 'dim'
}

/** One thing with its properties, and related rows below it. In JSON: the object with the relations as members. */
export interface RecordView {
  readonly shape: 'record'
  readonly columns: readonly Column[]
  readonly row: Cells
  readonly title?: string
  readonly related?: readonly {
    readonly key: string
    readonly columns: readonly Column[]
    readonly rows: Cells[] | Cells | null
    readonly shown?: readonly string[]
  }[]
}

/** Several tables, records, charts and notes: reports, overviews, plans. In JSON: one object, a member a section. */
export interface SectionsView {
  readonly shape: 'sections'
  readonly title?: string
  readonly sections: readonly Section[]
}

export interface RecordSection {
  readonly kind: 'record'
  readonly key: string
  readonly title?: string
  readonly columns: readonly Column[]
  readonly shown?: readonly string[]
  readonly row: Cells
}

export interface TableSection {
  readonly kind: 'table'
  readonly key: string
  readonly title?: string
  readonly columns: readonly Column[]
  readonly shown?: readonly string[]
  readonly rows: readonly Cells[]
  readonly chart?: Chart
  /** Said in place of an empty table. */
  readonly empty?: string
}

export interface NotesSection {
  readonly kind: 'notes'
  readonly key: string
  readonly title?: string
  readonly lines: readonly string[]
  /** Said to people in place of no line. */
  readonly empty?: string
}

export type Section = RecordSection | TableSection | NotesSection

/** Text that is the result itself (SQL, a configuration file, a URL). In JSON: `value`, or the text as a string. */
export interface TextView {
  readonly shape: 'text'
  readonly text: string
  readonly value?: unknown
  /** A unified diff: what was removed and added is coloured where there are colours. */
  readonly isPatch?: boolean
}

/**
 * Bytes in their final form, passed to stdout as they are (exports): a renderer in between would cost most of the
 * speed. The format asked for with `-o` was already considered by whoever made them.
 */
export interface StreamView {
  readonly shape: 'stream'
  readonly bytes: AsyncIterable<Uint8Array>
}

/** Nothing on stdout; what there is to say went to stderr. */
export interface SilentView {
  readonly shape: 'silent'
}

export type View = TableView | LinesView | TreeView | RecordView | SectionsView | TextView | StreamView | SilentView

export const silent: SilentView = { shape: 'silent' }
