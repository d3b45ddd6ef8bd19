/**
 * The trigger that keeps edges between rows from forming a cycle (decisions 48 and 58: after 1→2→3, 1→3 is fine and 3→1
 * is not), for every writer.
 */
import { quoteLiteral } from '../src/model/sql.ts'

interface Edges {
  readonly table: string
  /** Columns: the row that waits, and the one that it waits for. */
  readonly from: string
  readonly to: string
  readonly kind: string
  /** The kinds of edge that count. */
  readonly blocking: readonly string[]
  /** Name of the function behind the trigger. */
  readonly function: string
  /** Name of the trigger, which the refusal names as its constraint. */
  readonly trigger: string
}

/**
 * An edge is refused when the row it leads to already waits, over any number of others, for the one it comes from.
 * Writers take turns under an advisory lock until they commit, and the search is a statement after it, which sees what
 * the one before committed; below READ COMMITTED that does not hold, and two serializable writers are told apart by
 * PostgreSQL itself (manual, 13.2). Steward takes the very same lock (`crud/graph.ts`). The table is the one that fired
 * the trigger, so nothing depends on `search_path`.
 */
export function refuseCycles(s: string, edges: Edges): string[] {
  const { table, from, to, kind, trigger } = edges
  const blocking = edges.blocking.map(quoteLiteral).join(', ')
  return [
    `CREATE FUNCTION ${s}.${edges.function}() RETURNS trigger
LANGUAGE plpgsql AS $body$
DECLARE
  closes_cycle boolean;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext(TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME));
  -- UNION drops what was met before, so that each edge is followed once.
  EXECUTE format(
    $$WITH RECURSIVE awaited (id) AS (
        SELECT $1
        UNION
        SELECT edge.${to}
        FROM awaited
        JOIN %I.%I AS edge ON edge.${from} = awaited.id
        WHERE edge.${kind} IN (${blocking})
      )
      SELECT EXISTS (SELECT FROM awaited WHERE id = $2)$$,
    TG_TABLE_SCHEMA, TG_TABLE_NAME)
  INTO closes_cycle
  USING NEW.${to}, NEW.${from};
  IF closes_cycle THEN
    RAISE check_violation USING
      MESSAGE = format('an edge from %s to %s closes a cycle', NEW.${from}, NEW.${to}),
      SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, COLUMN = '${to}', CONSTRAINT = '${trigger}';
  END IF;
  RETURN NULL;
END
$body$`,
    `CREATE TRIGGER ${trigger}
AFTER INSERT OR UPDATE OF ${from}, ${to}, ${kind} ON ${s}.${table}
FOR EACH ROW WHEN (NEW.${kind} IN (${blocking}))
EXECUTE FUNCTION ${s}.${edges.function}()`,
  ]
}
