/** `steward seed`. */
import type { Group } from '../command.ts'
import { clear } from './clear.ts'
import { list } from './list.ts'
import { run } from './run.ts'

export const seedGroup: Group = {
  name: 'seed',
  summary: 'Fill a development database with realistic data',
  description:
    'The same --seed, scale and --until give the same rows on every machine and PostgreSQL version. Nothing is ever seeded into production.',
  commands: [run, list, clear],
}
