/** `steward maintain`: jobs that keep tables and indexes in shape. */
import type { Group } from '../command.ts'
import { analyze } from './analyze.ts'
import { expire } from './expire.ts'
import { partitions } from './partitions.ts'
import { reindex } from './reindex.ts'
import { vacuum } from './vacuum.ts'

export const maintainGroup: Group = {
  name: 'maintain',
  summary: 'Vacuum, analyze and reindex by need; make partitions',
  description:
    'Keeps tables, indexes and partitions in shape. Each job looks first and works only where it is needed; --dry-run shows what it would do and why.',
  commands: [vacuum, analyze, reindex, expire, partitions],
}
