/**
 * What agents cost (decision 41). The active agents of a tool are those that a task runs when it names none (decision
 * 43). A price may be deleted: transactions keep what was paid and name the agent softly.
 */
import { reaches } from '../../../model/checks.ts'
import { entity, legalValues } from '../../../model/entity.ts'
import { bigint, boolean, createdAt, oneOf, updatedAt, varchar } from '../../../model/field.ts'
import { activation } from '../../../model/ready-made.ts'
import { atLeast, type Rule } from '../../../model/rule.ts'
import { TOOLS } from '../tools.ts'

const kebabCase: Rule = {
  describes: 'lower-case words with hyphens between them',
  normalise: (value) => (typeof value === 'string' ? value.trim() : value),
  check: (value) =>
    typeof value === 'string' && /^[a-z0-9]+(-[a-z0-9]+)*$/.test(value)
      ? undefined
      : 'must be lower-case words with hyphens between them, such as score-risk',
}

export const agentCost = entity({
  name: 'agent-cost',
  table: 'agent_costs',
  summary: 'Agents of the tools, and what each costs',
  primaryKey: 'agent_id',
  fields: {
    agent_id: varchar(100, { summary: 'agent id', settable: 'create', rules: [kebabCase] }),
    tool_id: oneOf(TOOLS, { summary: 'tool that the agent belongs to', limit: 50 }),
    cost_credits: bigint({ summary: 'credits for one run', rules: [atLeast(0)], unit: 'count' }),
    is_active: boolean({ summary: 'whether new tasks run it', default: 'true', settable: 'never' }),
    created_at: createdAt(),
    updated_at: updatedAt(),
  },
  checks: [
    {
      name: 'chk_agent_costs_agent_id',
      expression: "((agent_id)::text ~ '^[a-z0-9]+(-[a-z0-9]+)*$'::text)",
      says: 'must be lower-case words with hyphens between them',
      fields: ['agent_id'],
    },
    legalValues('chk_agent_costs_tool_id', 'tool_id', TOOLS, 'varchar'),
    reaches('chk_agent_costs_cost_credits', 'cost_credits', 0),
  ],
  indexes: [{ name: 'idx_agent_costs_tool_id', on: ['tool_id'] }],
  triggers: ['agent_costs_set_updated_at'],
  verbs: ['list', 'get', 'create', 'update', 'delete', 'count', 'import', 'export', 'bulk'],
  operations: activation('agent', 'new tasks of its tool run without it'),
  list: {
    columns: ['agent_id', 'tool_id', 'cost_credits', 'is_active', 'updated_at'],
    sort: 'tool_id',
    search: ['agent_id'],
    time: 'created_at',
  },
})
