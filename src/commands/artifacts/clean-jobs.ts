/** What cleaning consists of: one job a `delete-files` rule, and one a system for files whose rows are gone. */
import type { CleanPlan } from '../../artifacts/clean-plan.ts'
import type { PrefixPlan } from '../../artifacts/prefix-plan.ts'
import type { CleanResult, StoreSet } from '../../artifacts/scope.ts'
import type { Config } from '../../config/config.ts'
import type { Database } from '../../db/database.ts'
import type { JobRun } from '../../db/job-run.ts'
import type { RuleScope } from '../../model/due.ts'
import type { PlacedSystem } from '../maintain/job.ts'
import { ruleName, rulesInForce } from '../maintain/rules.ts'

/** Word for the files whose rows are gone, where a rule's name stands. */
export const TOMBSTONES = 'tombstones'

export type Planned = ({ readonly by: 'rows' } & CleanPlan) | ({ readonly by: 'prefix' } & PrefixPlan)

export interface CleanJob {
  /** `skyvern/old-artifacts`, `skyvern/tombstones`. */
  readonly name: string
  readonly system: PlacedSystem
  /** Absent for tombstones. */
  readonly rule?: RuleScope
  readonly plan: (db: Database, stores: StoreSet) => Promise<Planned>
  readonly apply: (run: JobRun, stores: StoreSet, options?: ApplyOptions) => Promise<CleanResult>
}

export interface ApplyOptions {
  /** At most so many files, or tasks by prefix. */
  readonly limit?: number | undefined
  /** What was planned right before. */
  readonly planned?: Planned
}

/** The jobs of all rules in force, and of the systems that have files by their rows. */
export function cleanJobs(config: Config, systems: readonly PlacedSystem[]): CleanJob[] {
  const rules = rulesInForce(config, systems, 'delete-files')
  return systems.flatMap((placed) => [
    ...rules.filter(({ system }) => system === placed.system).map((rule) => ruleJob(config, systems, placed, rule)),
    ...(placed.system.entities.some(({ file }) => file !== undefined) ? [tombstoneJob(config, systems, placed)] : []),
  ])
}

function ruleJob(config: Config, systems: readonly PlacedSystem[], placed: PlacedSystem, rule: RuleScope): CleanJob {
  const rules = rulesInForce(config, [placed], 'delete-files')
  const common = { name: ruleName(rule), system: placed, rule }
  if (rule.applied.rule.files !== undefined) {
    const choose = async (stores: StoreSet) => {
      const { chooseStore } = await import('../../artifacts/prefix.ts')
      return chooseStore(stores.all, placed.system.name, config.cold?.store)
    }
    return {
      ...common,
      async plan(db, stores) {
        const { planByPrefix } = await import('../../artifacts/prefix-plan.ts')
        return { by: 'prefix', ...(await planByPrefix(db, rule, await choose(stores))) }
      },
      async apply(run, stores, { limit } = {}) {
        const { cleanByPrefix } = await import('../../artifacts/clean-prefix.ts')
        return cleanByPrefix({ db: run.db, run, stores, systems, limit }, rule, await choose(stores))
      },
    }
  }
  return {
    ...common,
    async plan(db, stores) {
      const { planRule } = await import('../../artifacts/clean-plan.ts')
      return { by: 'rows', ...(await planRule({ db, stores, systems }, placed, rule, rules)) }
    },
    async apply(run, stores, { limit, planned } = {}) {
      const { cleanRule } = await import('../../artifacts/clean-rows.ts')
      const kept = planned?.by === 'rows' ? planned.kept : undefined
      return cleanRule({ db: run.db, run, stores, systems, limit, kept }, placed, rule, rules)
    },
  }
}

function tombstoneJob(config: Config, systems: readonly PlacedSystem[], placed: PlacedSystem): CleanJob {
  const rules = rulesInForce(config, [placed], 'delete-files')
  return {
    name: `${placed.system.name}/${TOMBSTONES}`,
    system: placed,
    async plan(db, stores) {
      const { planTombstones } = await import('../../artifacts/clean-plan.ts')
      return { by: 'rows', ...(await planTombstones({ db, stores, systems }, placed, rules)) }
    },
    async apply(run, stores, { limit } = {}) {
      const { cleanTombstones } = await import('../../artifacts/clean-rows.ts')
      return cleanTombstones({ db: run.db, run, stores, systems, limit }, placed, rules)
    },
  }
}
