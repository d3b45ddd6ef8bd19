/** What became of each migration, shown the same by up, down and redo. */
import type { RunResult } from '../../migrations/outcomes.ts'
import type { TableView } from '../../output/view.ts'

/** @param empty said when there was nothing to do */
export function outcomeView({ outcomes }: RunResult, empty: string): TableView {
  return {
    shape: 'table',
    columns: [
      { key: 'system', kind: 'text' },
      { key: 'name', label: 'migration', kind: 'text' },
      {
        key: 'outcome',
        kind: 'text',
        tones: { applied: 'good', 'rolled back': 'good', redone: 'good', failed: 'bad', 'not run': 'idle' },
      },
      { key: 'duration_ms', label: 'time', kind: 'integer', unit: 'milliseconds' },
    ],
    rows: outcomes.map(({ durationMs, ...row }) => ({
      ...row,
      duration_ms: durationMs === null ? null : Math.round(durationMs),
    })),
    empty,
  }
}
