/** `steward maintain`: jobs that keep tables and indexes in shape. */
import type { Group } from '../command.ts'
import { analyze } from './analyze.ts'
import { expire } from './expire.ts'
import { history } from './history.ts'
import { partitions } from './partitions.ts'
import { reindex } from './reindex.ts'
import { run } from './run.ts'
import { schedule } from './schedule.ts'
import { vacuum } from './vacuum.ts'

export const maintainGroup: Group = {
  name: 'maintain',
  summary: 'All that is due: retention, partitions, vacuum, indexes; by hand or by cron',
  description:
    'Applies the retention rules and keeps tables, indexes and partitions in shape. Each job looks first and works only where it is needed; --dry-run shows what it would do and why.',
  commands: [run, vacuum, analyze, reindex, expire, partitions, history, schedule],
}
