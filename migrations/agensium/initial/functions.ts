/** Ids of the ledger, what guards it, and the function behind the triggers that keep time. */
import { timeKeeper } from '../../keep-time.ts'

/**
 * `next_ulid`: a ULID (github.com/ulid/spec), the key that the platform's own ledger has (decision 41), for rows that
 * are inserted by other means: 48 bits of milliseconds since 1970, then 80 random ones, in Crockford's base 32. The
 * random bits are the last ten digits of a version 4 UUID, all of which are random (RFC 9562, 5.4), taken twice;
 * unlike random() they come from the server's strong generator, and no extension is needed. VOLATILE, since each call
 * must give another id. Ids of one millisecond are in no order.
 *
 * The body is parsed when the function is created (RETURN, PostgreSQL 14), so it depends on no search path.
 *
 * `refuse_ledger_change`: entries of the ledger are never changed and never removed (decision 41). What was booked
 * wrongly is booked back. The one door is for whoever takes whole rows away on purpose and says so in the same
 * transaction: `SET LOCAL agensium.ledger_removals = 'on'` lets a DELETE pass, as `seed clear` needs; nothing lets an
 * UPDATE or TRUNCATE pass.
 */
export const functions = (s: string): string[] => [
  timeKeeper(s),
  `CREATE FUNCTION ${s}.next_ulid() RETURNS text
LANGUAGE sql VOLATILE
RETURN (
  SELECT string_agg(
    substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (part.bits >> (5 * place) & 31)::integer + 1, 1),
    '' ORDER BY part.number, place DESC
  )
  FROM (VALUES
    (1, 10, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint),
    (2, 8, ('x' || right(gen_random_uuid()::text, 10))::bit(40)::bigint),
    (3, 8, ('x' || right(gen_random_uuid()::text, 10))::bit(40)::bigint)
  ) AS part (number, characters, bits)
  CROSS JOIN LATERAL generate_series(0, part.characters - 1) AS place
)`,
  `COMMENT ON FUNCTION ${s}.next_ulid() IS 'A new ULID: milliseconds since 1970, then 80 random bits, in base 32'`,
  `CREATE FUNCTION ${s}.refuse_ledger_change() RETURNS trigger
LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'DELETE' AND current_setting('agensium.ledger_removals', true) = 'on' THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'entries of % are never changed or removed', TG_TABLE_NAME
    USING ERRCODE = 'integrity_constraint_violation',
          SCHEMA = TG_TABLE_SCHEMA,
          TABLE = TG_TABLE_NAME,
          CONSTRAINT = 'credit_transactions_append_only',
          HINT = 'Book the difference as a new entry.';
END
$body$`,
]
