/** Workflows as a team has them: what they do, step by step, what sets them off, how long they take. */
import type { Random } from '../../../src/seeds/random.ts'

export interface ActionWords {
  readonly type: string
  readonly name: string
  readonly config: Readonly<Record<string, unknown>>
  readonly conditions?: Readonly<Record<string, unknown>>
  /** Share of the running time, relative to the other steps. */
  readonly weight: number
  /** How often it is the step that fails, relative to the others. */
  readonly fails: number
}

export interface TriggerWords {
  readonly type: 'event' | 'schedule' | 'webhook' | 'manual'
  readonly conditions: Readonly<Record<string, unknown>>
}

export interface WorkflowWords {
  readonly title: string
  readonly description: string | null
  /** Median running time. */
  readonly seconds: number
  readonly timeout: number
  readonly channels: readonly string[]
  readonly actions: readonly ActionWords[]
  readonly triggers: readonly TriggerWords[]
  /** What comes of it when all goes well. */
  readonly result: (repository: string, random: Random) => Readonly<Record<string, unknown>>
}

const version = (random: Random) => `v${random.below(4)}.${random.below(20)}.${random.below(30)}`

const notify: ActionWords = {
  type: 'notify',
  name: 'Tell the team',
  config: { template: 'outcome', mention_on_failure: true },
  weight: 1,
  fails: 1,
}
const test: ActionWords = {
  type: 'test',
  name: 'Run the test suite',
  config: { command: 'make test', shards: 4 },
  weight: 12,
  fails: 9,
}

export const WORKFLOWS: readonly WorkflowWords[] = [
  {
    title: 'Deploy to production',
    description: 'Automated production deployment workflow',
    seconds: 330,
    timeout: 3600,
    channels: ['slack', 'email'],
    actions: [
      test,
      {
        type: 'deploy',
        name: 'Deploy to Kubernetes',
        config: { cluster: 'prod-us-east', namespace: 'production', replicas: 3 },
        conditions: { branch: 'main', environment: 'production' },
        weight: 9,
        fails: 6,
      },
      { type: 'verify', name: 'Smoke tests', config: { path: '/healthz', attempts: 10 }, weight: 3, fails: 4 },
      notify,
    ],
    triggers: [
      {
        type: 'event',
        conditions: { event_type: 'pull_request.merged', branches: ['main'], paths: ['src/**'] },
      },
      { type: 'manual', conditions: {} },
    ],
    result: (repository, random) => ({
      deployed_version: version(random),
      deployment_url: `https://${repository}.example.com`,
      artifacts: ['build.tar.gz', 'logs.txt'],
    }),
  },
  {
    title: 'Pull request checks',
    description: 'What every pull request has to pass before somebody looks at it',
    seconds: 140,
    timeout: 1800,
    channels: ['slack'],
    actions: [
      { type: 'lint', name: 'Lint and format', config: { tool: 'biome' }, weight: 2, fails: 5 },
      test,
      { type: 'scan', name: 'Scan for secrets', config: { fail_on: 'high' }, weight: 3, fails: 2 },
      { type: 'comment', name: 'Comment on the pull request', config: { collapse: true }, weight: 1, fails: 1 },
    ],
    triggers: [
      {
        type: 'event',
        conditions: { event_type: 'pull_request.opened', branches: ['main', 'release/*'], paths: ['**'] },
      },
      { type: 'event', conditions: { event_type: 'pull_request.synchronize', branches: ['main'] } },
    ],
    result: (_, random) => ({ passed: 200 + random.below(900), skipped: random.below(12), coverage: 0.71 }),
  },
  {
    title: 'Code review summary',
    description: 'Reads the difference and says in words what changes',
    seconds: 38,
    timeout: 600,
    channels: ['slack'],
    actions: [
      { type: 'analyze', name: 'Read the difference', config: { max_files: 80 }, weight: 3, fails: 2 },
      { type: 'summarize', name: 'Summarize', config: { model: 'large', temperature: 0 }, weight: 6, fails: 7 },
      { type: 'comment', name: 'Comment on the pull request', config: { collapse: false }, weight: 1, fails: 1 },
    ],
    triggers: [{ type: 'event', conditions: { event_type: 'pull_request.ready_for_review' } }],
    result: (_, random) => ({ files: 1 + random.below(60), risk: random.pick(['low', 'low', 'medium', 'high']) }),
  },
  {
    title: 'Preview environment',
    description: null,
    seconds: 210,
    timeout: 1800,
    channels: [],
    actions: [
      { type: 'build', name: 'Build the image', config: { cache: true }, weight: 8, fails: 4 },
      {
        type: 'deploy',
        name: 'Deploy the preview',
        config: { cluster: 'preview', ttl_hours: 48 },
        weight: 5,
        fails: 5,
      },
      { type: 'comment', name: 'Post the address', config: {}, weight: 1, fails: 1 },
    ],
    triggers: [{ type: 'event', conditions: { event_type: 'pull_request.synchronize', paths: ['web/**'] } }],
    result: (repository, random) => ({ preview_url: `https://pr-${random.below(4000)}.${repository}.example.dev` }),
  },
  {
    title: 'Sync issues',
    description: 'Keeps Linear and Jira in step with the issues of the repository',
    seconds: 12,
    timeout: 300,
    channels: [],
    actions: [
      { type: 'fetch', name: 'Read the issue', config: { from: 'github' }, weight: 1, fails: 2 },
      { type: 'sync', name: 'Write to Linear', config: { team: 'ENG' }, weight: 2, fails: 4 },
      { type: 'sync', name: 'Write to Jira', config: { project: 'APR' }, weight: 2, fails: 4 },
    ],
    triggers: [{ type: 'webhook', conditions: { path: '/hooks/issues', method: 'POST' } }],
    result: (_, random) => ({ created: random.below(3), updated: 1 + random.below(8) }),
  },
  {
    title: 'Incident from alert',
    description: 'Opens a thread, pages who is on call and attaches the last deployment',
    seconds: 9,
    timeout: 120,
    channels: ['slack', 'teams'],
    actions: [
      { type: 'fetch', name: 'Read the alert', config: { from: 'sentry' }, weight: 1, fails: 1 },
      { type: 'page', name: 'Page who is on call', config: { schedule: 'primary' }, weight: 1, fails: 3 },
      notify,
    ],
    triggers: [{ type: 'event', conditions: { event_type: 'issue.alert', levels: ['error', 'fatal'] } }],
    result: (_, random) => ({ incident: `INC-${1000 + random.below(4000)}`, paged: random.chance(0.8) }),
  },
  {
    title: 'Nightly regression',
    description: 'Everything, every night, against the staging database',
    seconds: 2400,
    timeout: 7200,
    channels: ['email'],
    actions: [
      { type: 'prepare', name: 'Restore the staging database', config: { snapshot: 'latest' }, weight: 4, fails: 3 },
      test,
      { type: 'report', name: 'Write the report', config: { format: 'html' }, weight: 1, fails: 1 },
    ],
    triggers: [{ type: 'schedule', conditions: { cron: '0 2 * * *', timezone: 'UTC' } }],
    result: (_, random) => ({ passed: 4000 + random.below(200), flaky: random.below(9) }),
  },
  {
    title: 'Dependency updates',
    description: 'One pull request a week with what is new',
    seconds: 180,
    timeout: 1800,
    channels: ['slack'],
    actions: [
      { type: 'scan', name: 'Look for updates', config: { ecosystems: ['npm', 'pip'] }, weight: 3, fails: 2 },
      test,
      { type: 'pull_request', name: 'Open the pull request', config: { labels: ['deps'] }, weight: 1, fails: 2 },
    ],
    triggers: [{ type: 'schedule', conditions: { cron: '0 6 * * 1' } }],
    result: (_, random) => ({ updates: random.below(25), pull_request: 100 + random.below(4000) }),
  },
  {
    title: 'Release notes',
    description: 'Freigabe und Änderungsübersicht für jede Version 📦',
    seconds: 55,
    timeout: 900,
    channels: ['slack', 'discord'],
    actions: [
      { type: 'collect', name: 'Collect merged pull requests', config: { since: 'last_tag' }, weight: 2, fails: 1 },
      { type: 'summarize', name: 'Write the notes', config: { model: 'large' }, weight: 5, fails: 4 },
      notify,
    ],
    triggers: [
      { type: 'event', conditions: { event_type: 'release.published' } },
      { type: 'manual', conditions: {} },
    ],
    result: (_, random) => ({ version: version(random), entries: random.below(40) }),
  },
  {
    title: 'Roll back',
    description: 'Back to the version before, on request',
    seconds: 95,
    timeout: 900,
    channels: ['slack', 'teams', 'email'],
    actions: [
      { type: 'confirm', name: 'Ask for approval', config: { approvers: 2 }, weight: 2, fails: 2 },
      { type: 'deploy', name: 'Deploy the version before', config: { strategy: 'recreate' }, weight: 6, fails: 3 },
      { type: 'verify', name: 'Smoke tests', config: { path: '/healthz' }, weight: 2, fails: 2 },
      notify,
    ],
    triggers: [{ type: 'manual', conditions: { roles: ['release-manager'] } }],
    result: (_, random) => ({ restored_version: version(random) }),
  },
]
