/**
 * The first partitions of a table that is partitioned by month (decision 34; PostgreSQL manual, 5.12.2): the default
 * one, which takes rows of months that have none, the current month and those after it. `maintain partitions` goes on
 * from there; `db/partitions.ts` names and bounds them in the same way.
 */
import { quoteLiteral } from '../src/model/sql.ts'

/**
 * @param s schema, quoted
 * @param table partitioned by range of a timestamp
 * @param ahead months after the current one
 */
export function monthPartitions(s: string, table: string, ahead: number): string[] {
  // The months follow from the server's clock, in UTC, and DDL takes no parameters.
  const months = `
DECLARE
  first timestamp := date_trunc('month', now() AT TIME ZONE 'UTC');
  month timestamp;
BEGIN
  FOR month IN SELECT first + n * interval '1 month' FROM generate_series(0, ${ahead}) AS n LOOP
    EXECUTE ${quoteLiteral(`CREATE TABLE ${s}.${table}`)} || to_char(month, '"_y"YYYY"m"MM')
      || ${quoteLiteral(` PARTITION OF ${s}.${table} FOR VALUES FROM (`)}
      || quote_literal(to_char(month, 'YYYY-MM-DD HH24:MI:SS"+00"')) || ') TO ('
      || quote_literal(to_char(month + interval '1 month', 'YYYY-MM-DD HH24:MI:SS"+00"')) || ')';
  END LOOP;
END`
  return [
    `CREATE TABLE ${s}.${table}_default PARTITION OF ${s}.${table} DEFAULT`,
    `DO LANGUAGE plpgsql ${quoteLiteral(months)}`,
  ]
}
