/** Refuses values that are nested too deep for a format whose writer recurses. */
import { OperationError } from '../errors.ts'
import type { Cells, Column } from '../model/column.ts'

/** Far below what exhausts the stack. */
const MOST_LEVELS = 500

/**
 * The rows, each looked at before it is passed on.
 *
 * @throws OperationError (exit 6) naming the row by its first column, and the column at fault
 */
export async function* shallowRows(
  rows: Iterable<Cells> | AsyncIterable<Cells>,
  columns: readonly Column[],
  format: string,
): AsyncGenerator<Cells> {
  for await (const row of rows) {
    refuseDeep(row, columns, format)
    yield row
  }
}

/** Looks at one row. @throws OperationError (exit 6) as `shallowRows` */
export function refuseDeep(row: Cells, columns: readonly Column[], format: string): void {
  const deep = columns.find(({ key }) => isDeep(row[key]))
  if (!deep) return
  const [first] = columns
  const which =
    first === undefined || first === deep ? 'A row' : `The row with ${first.key} ${String(row[first.key])}`
  throw new OperationError({
    code: 'nested-too-deep',
    message: `${which} cannot be written as ${format}: ${deep.key} is nested deeper than ${MOST_LEVELS} levels`,
    hint: `Leave ${deep.key} out with --fields, or use -o json`,
  })
}

/** Level by level, never recursing. */
function isDeep(value: unknown): boolean {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MOST_LEVELS) return true
    level = level.flatMap((one) => (typeof one === 'object' && one !== null ? Object.values(one) : []))
  }
  return false
}
