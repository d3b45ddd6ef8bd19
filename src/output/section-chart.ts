/** The chart that a section declares over its own rows. */
import type { Cells, Column } from '../model/column.ts'
import type { Chart } from '../model/report.ts'
import { cellText, type Look, labelOf } from './cell.ts'
import { barLines, type ChartSpace, columnLines } from './chart.ts'
import { exactDigits } from './value.ts'
import { prepareToMeasure } from './width.ts'

/** The lines of the chart; none when there is nothing to draw. One drawing a series, each under its name if several. */
export async function chartLines(
  chart: Chart,
  columns: readonly Column[],
  rows: readonly Cells[],
  look: Look,
  space: ChartSpace,
): Promise<string[]> {
  const axis = columns.find(({ key }) => key === chart.x)
  const series = chart.y.flatMap((key) => columns.find((column) => column.key === key) ?? [])
  if (!axis || series.length === 0 || rows.length === 0) return []
  const labels = rows.map((row) => shortLabel(cellText(row[axis.key], axis, look)))
  await prepareToMeasure(labels)
  return series.flatMap((column, index) => {
    const lines =
      chart.kind === 'bars'
        ? barLines(
            rows.map((row, place) => ({
              label: labels[place] ?? '',
              value: figure(row[column.key]),
              text: cellText(row[column.key], column, look),
            })),
            space,
          )
        : columnLines(
            {
              labels,
              values: rows.map((row) => figure(row[column.key])),
              format: (value) => cellText(value, column, look),
            },
            space,
          )
    return series.length === 1 ? lines : [...(index > 0 ? [''] : []), labelOf(column), ...lines]
  })
}

/** Midnights are days. */
function shortLabel(text: string): string {
  return text.replace(/ 00:00:00$/, '')
}

function figure(value: unknown): number | undefined {
  if (value === null || value === undefined) return undefined
  const number = Number(exactDigits(value) ?? value)
  return Number.isFinite(number) ? number : undefined
}
