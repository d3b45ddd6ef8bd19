/** What the columns' defaults and the triggers call. */
import { timeKeeper } from '../../keep-time.ts'

/**
 * `next_execution_id`: `exec-20251122-150000-abc123` as the document shows it, time in UTC and six hexadecimal digits.
 * The digits are the next number of a sequence, scattered over 24 bits by an odd factor (which has an inverse modulo
 * 2^24, so that no two numbers give the same digits): ids are equal only when the sequence went round within one
 * second, 16.7 million executions. Random digits would meet half the time among five thousand.
 *
 * The body is parsed when the function is created (RETURN, PostgreSQL 14): it holds the sequence itself, not its name,
 * and so follows a schema that is renamed. VOLATILE, since each call must give another id.
 */
export const functions = (s: string): string[] => [
  `CREATE SEQUENCE ${s}.execution_number AS integer MINVALUE 0 MAXVALUE 16777215 START 1 CYCLE`,
  `CREATE FUNCTION ${s}.next_execution_id() RETURNS text
LANGUAGE sql VOLATILE
RETURN to_char(clock_timestamp() AT TIME ZONE 'UTC', '"exec"-YYYYMMDD-HH24MISS-')
  || lpad(to_hex((nextval('${s.replaceAll("'", "''")}.execution_number'::regclass) * 10368889) & 16777215), 6, '0')`,
  `COMMENT ON FUNCTION ${s}.next_execution_id() IS
  'A new readable execution id: exec, date and time in UTC, six hexadecimal digits'`,
  timeKeeper(s),
  `CREATE FUNCTION ${s}.set_claimed_at() RETURNS trigger
LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'INSERT' THEN
    NEW.claimed_at := coalesce(NEW.claimed_at, now());
  ELSIF OLD.status <> 'processing' AND NEW.claimed_at IS NOT DISTINCT FROM OLD.claimed_at THEN
    NEW.claimed_at := now();
  END IF;
  RETURN NEW;
END
$body$`,
]
