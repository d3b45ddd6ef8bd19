/** Skyvern's migrations, in order. */
import type { Migration } from '../../src/model/migration.ts'
import initialSchema from './0001_initial_schema.ts'
import queryIndexes from './0002_query_indexes.ts'
import taskTotp from './0003_task_totp.ts'

const migrations: readonly Migration[] = [initialSchema, queryIndexes, taskTotp]

export default migrations
