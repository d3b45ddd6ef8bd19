/** The trigger that keeps the time of a row's last change, for the systems' first migrations (decision 5). */

type TimeColumn = 'updated_at' | 'modified_at'

/**
 * The function behind the triggers. It touches NEW only, and needs no schema inside.
 *
 * With `SET LOCAL steward.moving = 'on'` it keeps the time as it is: the archive moves rows and lets go of references,
 * which is no change by anyone, and what it puts back must be what it was, to the byte.
 */
export function timeKeeper(s: string, column: TimeColumn = 'updated_at'): string {
  return `CREATE FUNCTION ${s}.set_${column}() RETURNS trigger
LANGUAGE plpgsql AS $body$
BEGIN
  IF current_setting('steward.moving', true) IS DISTINCT FROM 'on' THEN
    NEW.${column} := now();
  END IF;
  RETURN NEW;
END
$body$`
}

/** The trigger of one table. An UPDATE that leaves the row as it was does not count as a change. */
export function keepTime(s: string, table: string, column: TimeColumn = 'updated_at'): string {
  return `CREATE TRIGGER ${table}_set_${column}
BEFORE UPDATE ON ${s}.${table}
FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*)
EXECUTE FUNCTION ${s}.set_${column}()`
}

/**
 * The same for a table with generated columns. PostgreSQL refuses them in the condition of a BEFORE trigger, since they
 * are computed after it, and a whole row has them (manual, CREATE TRIGGER); so the other columns are named.
 *
 * @param columns every column that is written, but for the time itself
 */
export function keepTimeOf(
  s: string,
  table: string,
  columns: readonly string[],
  column: TimeColumn = 'updated_at',
): string {
  const row = (of: 'OLD' | 'NEW') => `(${columns.map((name) => `${of}.${name}`).join(', ')})`
  return `CREATE TRIGGER ${table}_set_${column}
BEFORE UPDATE ON ${s}.${table}
FOR EACH ROW WHEN (${row('OLD')} IS DISTINCT FROM ${row('NEW')})
EXECUTE FUNCTION ${s}.set_${column}()`
}
