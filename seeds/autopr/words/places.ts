/** Where work happens and who does it. */
export const REPOSITORIES = [
  'codeflow-engine',
  'checkout-api',
  'web-storefront',
  'mobile-app',
  'billing',
  'search-index',
  'identity',
  'data-platform',
  'docs',
  'infra-live',
  'notifications',
  'partner-portal',
] as const

export const PEOPLE = [
  'user-123',
  'maria.lopez',
  'chen.wei',
  'o.schröder',
  'aisha.khan',
  'tom.becker',
  'dependabot[bot]',
  'yuki.tanaka',
  'release-manager',
] as const

export const BRANCHES = ['main', 'main', 'main', 'release/2.4', 'feature/cart', 'fix/timeout', 'chore/deps'] as const

interface IntegrationWords {
  readonly name: string
  readonly type: string
  readonly config: Readonly<Record<string, unknown>>
  readonly health: 'healthy' | 'degraded' | 'unhealthy' | 'unknown'
  readonly enabled: boolean
  readonly deleted?: true
  /** What it reports, the commonest first. */
  readonly events: readonly string[]
}

const pulls = [
  'pull_request.opened',
  'pull_request.synchronize',
  'push',
  'pull_request.merged',
  'pull_request.closed',
  'check_run.completed',
  'release.published',
]

export const INTEGRATIONS: readonly IntegrationWords[] = [
  {
    name: 'GitHub',
    type: 'github',
    config: { organization: 'codeflow', app_id: 48211 },
    health: 'healthy',
    enabled: true,
    events: pulls,
  },
  {
    name: 'Production Slack',
    type: 'slack',
    config: { channel: '#deployments', mention_on_failure: true },
    health: 'healthy',
    enabled: true,
    events: ['message.posted', 'command.invoked', 'reaction.added'],
  },
  {
    name: 'Sentry',
    type: 'sentry',
    config: { organization: 'codeflow', projects: ['web', 'api'] },
    health: 'degraded',
    enabled: true,
    events: ['issue.alert', 'issue.created', 'issue.resolved'],
  },
  {
    name: 'Linear',
    type: 'linear',
    config: { team: 'ENG' },
    health: 'healthy',
    enabled: true,
    events: ['issue.updated', 'issue.created', 'comment.created'],
  },
  {
    name: 'Jira',
    type: 'jira',
    config: { site: 'codeflow.atlassian.example', project: 'APR' },
    health: 'unhealthy',
    enabled: true,
    events: ['issue.updated', 'issue.created'],
  },
  {
    name: 'Datadog',
    type: 'datadog',
    config: { site: 'datadoghq.example', tags: ['team:platform'] },
    health: 'healthy',
    enabled: true,
    events: ['monitor.triggered', 'monitor.recovered'],
  },
  {
    name: 'Axolo',
    type: 'axolo',
    config: { reminders: true },
    health: 'healthy',
    enabled: true,
    events: ['review.requested', 'review.submitted'],
  },
  {
    name: 'GitHub Enterprise',
    type: 'github',
    config: { host: 'github.corp.example', app_id: 7 },
    health: 'degraded',
    enabled: true,
    events: pulls,
  },
  {
    name: 'Teams',
    type: 'teams',
    config: { team: 'Release', channel: 'General' },
    health: 'unknown',
    enabled: true,
    events: ['message.posted'],
  },
  {
    name: 'Community Discord',
    type: 'discord',
    config: { guild: '8812', channel: 'releases' },
    health: 'unhealthy',
    enabled: false,
    events: ['message.posted'],
  },
  {
    name: 'Slack (old workspace)',
    type: 'slack',
    config: { channel: '#ops' },
    health: 'unhealthy',
    enabled: false,
    deleted: true,
    events: ['message.posted'],
  },
]
