/** Id generation and the functions behind the triggers. */
import { timeKeeper } from '../../keep-time.ts'

/**
 * `next_id`: the layout is the platform's own (decision 10), 32 bits of seconds since 2022-06-20 00:00 UTC, then
 * worker, then sequence, the lowest bit a version that its generators leave 0. Here the database is one worker for
 * everybody: its sequence takes the bits of worker and sequence together, so that 2^31 ids fit into a second, and
 * the version bit is 1, so that no id of the database ever equals one made by a worker. The 64 bits stay positive
 * until 2090. Ids of one second sort in the order of the sequence.
 *
 * The body is parsed when the function is created (RETURN, PostgreSQL 14): it holds the sequence itself, not its
 * name, and so follows a schema that is renamed. VOLATILE, since each call must give another id.
 *
 * The trigger functions touch NEW only and need no schema inside. They run where the row really changed (see
 * `keepTime`).
 */
export const functions = (s: string): string[] => [
  `CREATE SEQUENCE ${s}.id_sequence AS bigint MINVALUE 0 MAXVALUE 2147483647 CYCLE`,
  `CREATE FUNCTION ${s}.next_id(prefix text) RETURNS text
LANGUAGE sql VOLATILE
RETURN prefix || '_' || (
  ((floor(extract(epoch FROM clock_timestamp()))::bigint - 1655683200) << 32)
  | (nextval('${s.replaceAll("'", "''")}.id_sequence'::regclass) << 1)
  | 1
)::text`,
  `COMMENT ON FUNCTION ${s}.next_id(text) IS
  'A new id: prefix, _, 64-bit integer of seconds since 2022-06-20 UTC and a sequence'`,
  timeKeeper(s, 'updated_at'),
  timeKeeper(s, 'modified_at'),
]
