/** Projects, the people who ask for work, and what the agents of a project are set to. */
export const PROJECTS: readonly { readonly name: string; readonly description: string }[] = [
  { name: 'storefront', description: 'Web shop: catalogue, cart and checkout' },
  { name: 'payments-api', description: 'Payments, refunds and payouts behind one API' },
  { name: 'mobile-app', description: 'The shop on phones' },
  { name: 'identity', description: 'Sign-in, sessions and permissions' },
  { name: 'search-service', description: 'Index and ranking of the catalogue' },
  { name: 'data-pipeline', description: 'Events into the warehouse, every hour' },
  { name: 'notification-hub', description: 'Mail, push and text messages' },
  { name: 'admin-console', description: 'What the support staff works with' },
  { name: 'design-system', description: 'Components, tokens and their documentation' },
  { name: 'infrastructure', description: 'Clusters, networks and their alarms, as code' },
  { name: 'recommendations', description: 'What else somebody may like' },
  { name: 'legacy-backoffice', description: 'The old back office, kept until its last report has moved' },
]

export const PEOPLE: readonly string[] = [
  'ana.costa',
  'ben.okafor',
  'carla.jensen',
  'david.kim',
  'elena.petrova',
  'farid.haddad',
  'grace.liu',
  'hugo.martin',
]

export type AgentType = 'codegen' | 'claude_code' | 'webhook_orchestrator' | 'task_manager'

export interface AgentWords {
  readonly type: AgentType
  readonly name: string
  readonly configuration: Readonly<Record<string, unknown>>
  readonly capabilities: readonly string[]
  readonly constraints: Readonly<Record<string, unknown>>
}

export const AGENTS: readonly AgentWords[] = [
  {
    type: 'claude_code',
    name: 'pair',
    configuration: { model: 'claude-sonnet', temperature: 0.2, max_tokens: 8000 },
    capabilities: ['edit', 'test', 'review', 'refactor'],
    constraints: { max_files: 40, branches: ['feature/*', 'fix/*'] },
  },
  {
    type: 'codegen',
    name: 'scaffolder',
    configuration: { model: 'gpt-4', temperature: 0.7, max_tokens: 4000 },
    capabilities: ['edit', 'generate', 'document'],
    constraints: { max_files: 15, branches: ['feature/*'] },
  },
  {
    type: 'task_manager',
    name: 'planner',
    configuration: { planning_depth: 3, review_interval_minutes: 15 },
    capabilities: ['plan', 'split', 'prioritise'],
    constraints: { max_subtasks: 12 },
  },
  {
    type: 'webhook_orchestrator',
    name: 'dispatcher',
    configuration: { endpoints: ['push', 'pull_request', 'check_run'], retries: 3 },
    capabilities: ['dispatch', 'retry'],
    constraints: { max_concurrent: 8 },
  },
]
