/** Names of rules and jobs as completion offers them: those of the built-in systems, whatever a profile has on. */
import type { RetentionAction } from '../../model/retention.ts'
import { systems } from '../../systems/registry.ts'

/** `skyvern/finished-tasks` of each rule of these actions, or of any. */
export async function ruleNames(...actions: readonly RetentionAction[]): Promise<readonly string[]> {
  const loaded = await Promise.all(systems.map(({ load }) => load()))
  return loaded.flatMap(({ name, retention }) =>
    retention
      .filter(({ action }) => actions.length === 0 || actions.includes(action))
      .map((rule) => `${name}/${rule.name}`),
  )
}

/** The rules of these actions, then the systems that have one. */
export async function rulesAndSystems(...actions: readonly RetentionAction[]): Promise<readonly string[]> {
  const rules = await ruleNames(...actions)
  return [...rules, ...new Set(rules.map((rule) => rule.slice(0, rule.indexOf('/'))))]
}

/** Kinds of jobs, then the jobs of rules, then the schemas of systems. */
export async function jobNames(): Promise<readonly string[]> {
  const { JOB_ORDER } = await import('./jobs/index.ts')
  return [...JOB_ORDER, ...(await rulesAndSystems())]
}
