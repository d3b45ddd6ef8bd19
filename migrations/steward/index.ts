/** Migrations of Steward's own schema, in order. */
import type { Migration } from '../../src/model/migration.ts'
import { records } from './0001_records.ts'
import { seedSets } from './0002_seed_sets.ts'
import { maintenance } from './0003_maintenance.ts'
import { retentionHolds } from './0004_retention_holds.ts'
import { restoredBatches } from './0005_restored_batches.ts'

const migrations: readonly Migration[] = [records, seedSets, maintenance, retentionHolds, restoredBatches]

export default migrations
