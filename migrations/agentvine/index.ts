/** AgentVine's migrations, in order. */
import type { Migration } from '../../src/model/migration.ts'
import initialSchema from './0001_initial_schema.ts'
import queryIndexes from './0002_query_indexes.ts'

const migrations: readonly Migration[] = [initialSchema, queryIndexes]

export default migrations
