/** How a reconciliation, and what is done about it, are shown. */
import type { Moves } from '../../artifacts/quarantine.ts'
import type { RemovalPlan } from '../../artifacts/remove-orphans.ts'
import type { Verified } from '../../artifacts/verify.ts'
import type { Column } from '../../model/column.ts'
import type { Section } from '../../output/view.ts'

const STORE: Column = { key: 'store', kind: 'text' }
const COUNT = { kind: 'integer', unit: 'count' } as const
const BYTES = { kind: 'integer', unit: 'bytes' } as const

/** Lines of a list that people are shown; machines get those that were kept. */
export function verifiedSections(verified: Verified, file: string | undefined): Section[] {
  const { stores, tables, orphans, missing, suggestions } = verified
  const unchecked = tables.flatMap(({ table, unchecked: places }) =>
    Object.entries(places).map(([place, rows]) => ({ table, rows, place })),
  )
  const sections: Section[] = [
    {
      kind: 'table',
      key: 'stores',
      title: 'Files',
      columns: [
        STORE,
        { key: 'files', ...COUNT },
        { key: 'bytes', label: 'size', ...BYTES },
        { key: 'orphans', label: 'without row', ...COUNT },
        { key: 'orphan_bytes', label: 'their size', ...BYTES },
        { key: 'young', label: 'too young', ...COUNT },
        { key: 'skipped', label: 'no files', ...COUNT, summary: 'links and what else is no file' },
      ],
      rows: stores.map(({ orphanBytes, ...one }) => ({ ...one, orphan_bytes: orphanBytes })),
    },
    {
      kind: 'table',
      key: 'tables',
      title: 'Rows',
      columns: [
        { key: 'table', kind: 'text' },
        { key: 'rows', ...COUNT },
        { key: 'missing', label: 'without file', ...COUNT },
        { key: 'young', label: 'too young', ...COUNT },
        { key: 'unchecked', label: 'in no store of the profile', ...COUNT },
      ],
      rows: tables.map(({ unchecked: places, ...one }) => ({
        ...one,
        unchecked: Object.values(places).reduce((sum, rows) => sum + rows, 0),
      })),
      empty: 'No system of this database has files by their rows.',
    },
  ]
  if (unchecked.length > 0) {
    sections.push({
      kind: 'table',
      key: 'unchecked',
      title: 'Rows whose files lie in no store of the profile',
      columns: [
        { key: 'table', kind: 'text' },
        { key: 'rows', ...COUNT },
        { key: 'place', kind: 'text' },
      ],
      rows: unchecked,
    })
  }
  const all = tables.reduce((sum, one) => sum + one.missing, 0)
  if (missing.length > 0) {
    sections.push({
      kind: 'table',
      key: 'missing',
      title: titled('Rows without file', missing.length, all, file),
      columns: [
        { key: 'table', kind: 'text' },
        { key: 'id', kind: 'text' },
        { key: 'uri', kind: 'text' },
      ],
      rows: missing.map(({ table, id, uri }) => ({ table, id, uri })),
    })
  }
  const left = stores.reduce((sum, one) => sum + one.orphans, 0)
  if (orphans.length > 0) {
    sections.push({
      kind: 'table',
      key: 'orphans',
      title: titled('Files without row', orphans.length, left, file),
      columns: [
        STORE,
        { key: 'path', kind: 'text' },
        { key: 'bytes', label: 'size', ...BYTES },
        { key: 'modified_at', label: 'modified', kind: 'timestamp' },
      ],
      rows: orphans.map(({ store, path, bytes, modifiedAt }) => ({ store, path, bytes, modified_at: modifiedAt })),
    })
  }
  if (suggestions.length > 0) {
    const title = 'Statements that would help'
    sections.push({ kind: 'notes', key: 'suggestions', title, lines: suggestions })
  }
  return sections
}

function titled(what: string, shown: number, all: number, file: string | undefined): string {
  if (shown === all) return what
  const where = file === undefined ? 'with --plan a file has them all' : `all of them are in ${file}`
  return `${what}: ${shown.toLocaleString('en')} of ${all.toLocaleString('en')}; ${where}`
}

export function removalSections({ started, stores }: RemovalPlan): Section[] {
  return [
    {
      kind: 'table',
      key: 'stores',
      title: `Files without row, as of ${started}`,
      columns: [
        STORE,
        { key: 'files', label: 'to the quarantine', ...COUNT },
        { key: 'bytes', label: 'size', ...BYTES },
        { key: 'share', label: 'of the store', kind: 'float', unit: 'percent' },
      ],
      rows: stores.map(({ store, orphans, orphanBytes, share }) => ({
        store,
        files: orphans,
        bytes: orphanBytes,
        share,
      })),
    },
  ]
}

export function movedSections({ run, moves }: { readonly run: string; readonly moves: Moves }): Section[] {
  const sections: Section[] = [
    {
      kind: 'record',
      key: 'moved',
      columns: [
        { key: 'run', kind: 'text' },
        { key: 'files', label: 'files moved', ...COUNT },
        { key: 'bytes', label: 'size', ...BYTES },
        { key: 'passed', label: 'gone or changed meanwhile', ...COUNT },
        { key: 'failed', ...COUNT },
        { key: 'why', label: 'ended because', kind: 'text' },
      ],
      row: {
        run,
        files: moves.files,
        bytes: moves.bytes,
        passed: moves.passed,
        failed: moves.failed,
        why: moves.why,
      },
    },
  ]
  if (moves.failures.length > 0) {
    sections.push({ kind: 'notes', key: 'failures', title: 'Failed', lines: [...moves.failures] })
  }
  return sections
}
