/** What tasks are about, by type. */
export type WorkType = 'feature' | 'bugfix' | 'test' | 'docs' | 'refactor' | 'review'

export const PARTS = [
  'the login form',
  'invoice export',
  'search results',
  'the rate limiter',
  'webhook delivery',
  'the settings page',
  'image upload',
  'the audit log',
  'currency conversion',
  'the nightly import',
  'session handling',
  'Größenberechnung der Pakete',
  'the "forgot password" mail',
  '検索ページ',
] as const

interface WorkWords {
  readonly titles: readonly ((part: string) => string)[]
  readonly queue: string
  /** Minutes that one try takes at the median. */
  readonly minutes: number
  readonly capabilities: readonly string[]
}

export const WORK: Readonly<Record<WorkType, WorkWords>> = {
  feature: {
    titles: [(part) => `Add keyboard shortcuts to ${part}`, (part) => `Let ${part} work offline`],
    queue: 'development',
    minutes: 26,
    capabilities: ['TypeScript', 'React', 'Python', 'FastAPI', 'PostgreSQL'],
  },
  bugfix: {
    titles: [(part) => `Fix a crash in ${part}`, (part) => `${part} shows yesterday's figures`],
    queue: 'development',
    minutes: 14,
    capabilities: ['TypeScript', 'Python', 'PostgreSQL', 'Debugging'],
  },
  test: {
    titles: [(part) => `Cover ${part} with tests`, (part) => `Make the tests of ${part} deterministic`],
    queue: 'quality',
    minutes: 11,
    capabilities: ['Testing', 'Playwright', 'Python'],
  },
  docs: {
    titles: [(part) => `Document ${part}`, (part) => `Explain the limits of ${part}`],
    queue: 'documentation',
    minutes: 6,
    capabilities: ['Technical writing', 'Markdown'],
  },
  refactor: {
    titles: [(part) => `Take ${part} apart`, (part) => `Remove the global state from ${part}`],
    queue: 'development',
    minutes: 31,
    capabilities: ['TypeScript', 'Python', 'Architecture'],
  },
  review: {
    titles: [(part) => `Review the changes to ${part}`, (part) => `Check ${part} for injection`],
    queue: 'quality',
    minutes: 5,
    capabilities: ['Code review', 'Security'],
  },
}
export const WORK_TYPES = Object.keys(WORK) as readonly WorkType[]

/** Asked for now and then, and no worker can do it. */
export const RARE_CAPABILITY = 'Rust'
