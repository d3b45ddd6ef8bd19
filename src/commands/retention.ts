/** What a profile says of retention, held against the rules that there are. */
import type { Config } from '../config/config.ts'
import { type Problem, UsageError } from '../errors.ts'
import { nearest } from '../model/nearest.ts'
import { systems } from '../systems/registry.ts'

/**
 * Systems and rules of the profile that do not exist, each with where it is said. A misspelt `off` would let go what
 * was to stay, so nothing is moved or deleted with one.
 */
export async function unknownRetention({
  retention,
  origins,
}: Pick<Config, 'retention' | 'origins'>): Promise<Problem[]> {
  const names = systems.map(({ name }) => name)
  const problems: Problem[] = []
  for (const [name, said] of Object.entries(retention)) {
    const entry = systems.find((system) => system.name === name)
    const rules = entry === undefined ? [] : (await entry.load()).retention.map((rule) => rule.name)
    for (const rule of Object.keys(said)) {
      const path = `retention.${name}.${rule}`
      const where = origins.get(path) ?? path
      if (entry === undefined) problems.push({ where, reason: unknown('system', name, names) })
      else if (!rules.includes(rule)) problems.push({ where, reason: unknown(`rule of ${name}`, rule, rules) })
    }
  }
  return problems
}

/** @throws UsageError naming every system and rule that does not exist */
export async function refuseUnknownRetention(config: Pick<Config, 'retention' | 'origins'>): Promise<void> {
  const problems = await unknownRetention(config)
  if (problems.length === 0) return
  throw new UsageError({
    code: 'invalid-configuration',
    message: 'The profile says something of retention rules that do not exist',
    hint: 'Correct what is listed, so that no rule is left as it was by a misspelt name; nothing was changed',
    problems,
  })
}

function unknown(what: string, name: string, known: readonly string[]): string {
  const near = nearest(name, known)
  const which = near === undefined ? `there are ${known.join(', ')}` : `did you mean ${near}?`
  return `there is no ${what} called ${name} (${which})`
}
