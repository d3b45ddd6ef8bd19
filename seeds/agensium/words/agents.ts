/** The agents of the tools and what they cost. */

export type Tool = 'profile-my-data' | 'clean-my-data' | 'master-my-data'

export interface Agent {
  readonly id: string
  readonly tool: Tool
  readonly cost: number
  /** Retired ones are in the price list still, and in old transactions. */
  readonly isActive: boolean
}

const of = (tool: Tool, agents: Readonly<Record<string, number>>, isActive = true): Agent[] =>
  Object.entries(agents).map(([id, cost]) => ({ id, tool, cost, isActive }))

export const AGENTS: readonly Agent[] = [
  ...of('profile-my-data', { 'unified-profiler': 50, 'score-risk': 30, 'readiness-rater': 20, 'drift-detector': 25 }),
  ...of('profile-my-data', { 'column-sketcher': 10 }, false),
  ...of('clean-my-data', {
    'cleanse-previewer': 15,
    'null-handler': 20,
    'type-fixer': 20,
    'field-standardizer': 25,
    'quarantine-agent': 25,
    'duplicate-resolver': 40,
  }),
  ...of('clean-my-data', { 'typo-guesser': 35 }, false),
  ...of('master-my-data', {
    'key-identifier': 20,
    'semantic-mapper': 35,
    'contract-enforcer': 25,
    'survivorship-resolver': 45,
    'golden-record-builder': 60,
    'stewardship-flagger': 20,
  }),
]

/** What a task of the tool runs when it names no agents (decision 43): the active ones, ordered by themselves. */
export function defaultAgents(tool: Tool): readonly Agent[] {
  return AGENTS.filter((agent) => agent.tool === tool && agent.isActive).sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** By how often they are used. */
export const TOOL_SHARES: readonly (readonly [Tool, number])[] = [
  ['profile-my-data', 50],
  ['clean-my-data', 35],
  ['master-my-data', 15],
]
