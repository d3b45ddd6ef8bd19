/** AgentVine's migrations, in order. */
import type { Migration } from '../../src/model/migration.ts'
import initialSchema from './0001_initial_schema.ts'
import queryIndexes from './0002_query_indexes.ts'
import retentionIndexes from './0003_retention_indexes.ts'

const migrations: readonly Migration[] = [initialSchema, queryIndexes, retentionIndexes]

export default migrations
