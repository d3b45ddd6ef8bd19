/** DevFlow's migrations, in order. */
import type { Migration } from '../../src/model/migration.ts'
import initialSchema from './0001_initial_schema.ts'

const migrations: readonly Migration[] = [initialSchema]

export default migrations
