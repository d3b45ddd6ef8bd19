/** Migrations of Steward's own schema, in order. */
import type { Migration } from '../../src/model/migration.ts'
import { records } from './0001_records.ts'

const migrations: readonly Migration[] = [records]

export default migrations
