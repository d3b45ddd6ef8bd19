/** What several AgentVine reports share. */
import { type Sql, sql } from '../../../model/sql.ts'

/** That a worker `w` may claim: it is there, is well and is not being drained (see `freeWorker`). */
export const available: Sql = sql`(w.status IN ('idle', 'busy') AND w.draining_at IS NULL)`

/** Names in `context.capabilities` of a task `t`, one row each; none where it is no list. */
export const capabilitiesAsked: Sql = sql`jsonb_array_elements_text(
            CASE jsonb_typeof(t.context -> 'capabilities') WHEN 'array' THEN t.context -> 'capabilities' ELSE '[]' END
          )`
