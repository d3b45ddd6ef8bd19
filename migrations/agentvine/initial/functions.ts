/**
 * The functions behind the triggers, but for those that guard one area alone.
 *
 * They name tables by the schema of the table that fired them (TG_TABLE_SCHEMA), so nothing depends on `search_path`
 * and they follow a schema that is renamed. Each question is a statement of its own, which sees what others committed
 * while this one waited for a lock (PostgreSQL manual, 13.2.1 and 38.7).
 */
import { timeKeeper } from '../../keep-time.ts'

export const functions = (s: string): string[] => [timeKeeper(s)]
