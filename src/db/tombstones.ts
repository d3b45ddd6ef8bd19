/** What several features write into `steward.artifact_tombstones`: files whose rows go first. */
import { raw, type Sql } from '../model/sql.ts'

/**
 * The end of an INSERT of files whose rows go in the same transaction. A file that is marked already, its row being
 * there until it is gone, is from now on one whose row went first, with the URI that the row had at last. A mark of that
 * kind stays as it is.
 */
export const ROW_GOES_FIRST: Sql = raw(`ON CONFLICT (artifact_id, entity, schema_name, system) DO UPDATE
      SET uri = EXCLUDED.uri,
          bytes = EXCLUDED.bytes,
          why = EXCLUDED.why,
          run_id = EXCLUDED.run_id,
          recorded_at = EXCLUDED.recorded_at,
          row_stays = false
      WHERE artifact_tombstones.row_stays`)
