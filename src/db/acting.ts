/** Who acts, said to the database's own triggers. */
import type { Database } from './database.ts'

/**
 * The same database, with the setting in each of its transactions that may change something. Local to the transaction,
 * so nothing depends on the session and a transaction pooler may be in between; sent along with BEGIN, so it costs no
 * round trip.
 */
export function actingAs(db: Database, setting: string, who: string): Database {
  return {
    ...db,
    transaction: (work, options = {}) =>
      db.transaction(
        work,
        options.readOnly ? options : { ...options, settings: { ...options.settings, [setting]: who } },
      ),
  }
}
