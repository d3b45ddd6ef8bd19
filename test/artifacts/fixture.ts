/** Rows with files, and a store that holds them. */
import { access, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { cleanRule, cleanTombstones } from '../../src/artifacts/clean-rows.ts'
import type { PlacedSystem } from '../../src/artifacts/holders.ts'
import type { Cleaning, CleanResult, StoreSet } from '../../src/artifacts/scope.ts'
import type { Database } from '../../src/db/database.ts'
import type { RuleScope } from '../../src/model/due.ts'
import { appliedRule } from '../../src/model/retention.ts'
import { sql } from '../../src/model/sql.ts'
import { openStores } from '../../src/storage/open.ts'
import { agensium } from '../../src/systems/agensium/index.ts'
import { skyvern } from '../../src/systems/skyvern/index.ts'
import type { TestDatabase } from '../support/database.ts'
import { asRun } from '../support/job-run.ts'

export const placed: PlacedSystem = { system: skyvern, schema: 'skyvern' }
export const both: readonly PlacedSystem[] = [placed, { system: agensium, schema: 'agensium' }]

/** The rules of Skyvern, as without a profile. */
export const rules: readonly RuleScope[] = skyvern.retention.map((rule) => ({
  system: skyvern,
  schema: 'skyvern',
  applied: appliedRule(rule, undefined),
}))

export const oldArtifacts: RuleScope = ruleNamed('old-artifacts')

export function ruleNamed(name: string): RuleScope {
  const found = rules.find(({ applied }) => applied.rule.name === name)
  if (!found) throw new RangeError(`no rule ${name}`)
  return found
}

/** The rules by prefix. */
export const agensiumRules: readonly RuleScope[] = agensium.retention
  .filter(({ files }) => files !== undefined)
  .map((rule) => ({ system: agensium, schema: 'agensium', applied: appliedRule(rule, undefined) }))

export interface Folder {
  readonly root: string
  readonly url: string
  readonly stores: StoreSet
  uri(path: string): string
  put(path: string, content?: string): Promise<string>
  has(path: string): Promise<boolean>
  remove(): Promise<void>
}

export async function folder(): Promise<Folder> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'steward-artifacts-')))
  const url = pathToFileURL(root).href
  const uri = (path: string) => `${url}/${path}`
  return {
    root,
    url,
    stores: openStores([{ name: 'artifacts', url }]),
    uri,
    async put(path, content = 'x'.repeat(100)) {
      const target = fileURLToPath(uri(path))
      await mkdir(dirname(target), { recursive: true })
      await writeFile(target, content)
      return uri(path)
    },
    has: (path) =>
      access(join(root, path)).then(
        () => true,
        () => false,
      ),
    remove: () => rm(root, { recursive: true, force: true }),
  }
}

export interface ArtifactOptions {
  readonly task?: string | null
  readonly type?: string
  /** Days since it was made. */
  readonly age?: number
  readonly bytes?: number | null
}

export async function addTask(db: Database, id: string, status = 'completed'): Promise<void> {
  await db.execute(sql`
    INSERT INTO skyvern.organizations (organization_id, organization_name) VALUES ('o_1', 'One') ON CONFLICT DO NOTHING`)
  await db.execute(sql`
    INSERT INTO skyvern.tasks (task_id, organization_id, url, navigation_goal, status, created_at, completed_at)
    VALUES (${id}, 'o_1', 'https://example.com', 'look', ${status}::skyvern.task_status, now() - interval '200 days',
            CASE WHEN ${status} IN ('completed', 'failed') THEN now() - interval '199 days' END)`)
}

export async function addArtifact(
  db: Database,
  id: string,
  uri: string,
  { task = 'tsk_1', type = 'screenshot_step', age = 100, bytes = 100 }: ArtifactOptions = {},
): Promise<void> {
  await db.execute(sql`
    INSERT INTO skyvern.artifacts
      (artifact_id, task_id, organization_id, artifact_type, uri, file_size_bytes, created_at)
    VALUES (${id}, ${task}, 'o_1', ${type}::skyvern.artifact_type, ${uri}, ${bytes}::bigint,
            now() - make_interval(days => ${age}::integer))`)
}

export async function artifactIds(db: Database): Promise<string[]> {
  const rows = await db.rows<{ id: string }>(sql`SELECT artifact_id AS id FROM skyvern.artifacts ORDER BY 1`)
  return rows.map(({ id }) => id)
}

/** A task of Agensium that ended so many days ago; its user is 1. */
export async function addUpload(db: Database, id: string, age: number): Promise<void> {
  await db.execute(sql`
    INSERT INTO agensium.users (id, email, hashed_password, full_name)
    VALUES (1, 'one@example.com', '$2b$12$' || repeat('a', 53), 'One') ON CONFLICT DO NOTHING`)
  await db.execute(sql`
    INSERT INTO agensium.tasks (task_id, user_id, tool_id, agents, status, created_at, completed_at)
    VALUES (${id}, 1, 'profile-my-data', '["a"]', 'COMPLETED', now() - interval '100 days',
            now() - make_interval(days => ${age}::integer))`)
}

export interface Mark {
  readonly id: string
  readonly row_stays: boolean
  readonly attempts: number
  readonly last_error: string | null
}

/** Marks of single files, and of batches. */
export function marks(db: Database): Promise<Mark[]> {
  return db.rows<Mark>(sql`
    SELECT artifact_id AS id, row_stays, attempts, last_error FROM steward.artifact_tombstones
    UNION ALL
    SELECT unnest(ids), true, 0, NULL FROM steward.artifact_batches
    ORDER BY 1`)
}

/** Runs the rule, then the tombstones, as `artifacts clean` does. */
export async function clean(
  database: TestDatabase,
  { stores }: Pick<Folder, 'stores'>,
  changes: Partial<Cleaning> = {},
): Promise<{ readonly rule: CleanResult; readonly tombstones: CleanResult }> {
  return asRun(database, ['skyvern'], async (run) => {
    const cleaning: Cleaning = { db: run.db, run, stores, systems: both, ...changes }
    const rule = await cleanRule(cleaning, placed, oldArtifacts, rules)
    const tombstones = await cleanTombstones(cleaning, placed, rules)
    return { rule, tombstones }
  })
}
