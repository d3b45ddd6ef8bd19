/** AutoPR's migrations, in order. */
import type { Migration } from '../../src/model/migration.ts'
import initialSchema from './0001_initial_schema.ts'
import retentionIndexes from './0002_retention_indexes.ts'

const migrations: readonly Migration[] = [initialSchema, retentionIndexes]

export default migrations
