/** The built-in systems. Each is loaded only when a command needs it; help needs the words alone. */
import type { System } from '../model/system.ts'

export interface SystemEntry {
  readonly name: string
  readonly title: string
  readonly summary: string
  readonly load: () => Promise<System>
}

export const systems: readonly SystemEntry[] = [
  {
    name: 'skyvern',
    title: 'Skyvern',
    summary: 'Browser automation: organizations, tasks, steps, actions, artifacts, workflows, runs',
    load: async () => (await import('./skyvern/index.ts')).skyvern,
  },
  {
    name: 'autopr',
    title: 'AutoPR',
    summary: 'PR automation: workflows, executions, actions, triggers, logs, integrations, events',
    load: async () => (await import('./autopr/index.ts')).autopr,
  },
  {
    name: 'agensium',
    title: 'Agensium',
    summary: 'Data tools: users, tasks with staged uploads, credit wallets and their ledger, Stripe events',
    load: async () => (await import('./agensium/index.ts')).agensium,
  },
  {
    name: 'agentvine',
    title: 'AgentVine',
    summary: 'Worker fleet: tasks, dependencies, work-order queue, workers, executions, chat, documents',
    load: async () => (await import('./agentvine/index.ts')).agentvine,
  },
  {
    name: 'devflow',
    title: 'DevFlow',
    summary: 'AI development workflow: projects, tasks, executions, pull requests, validations, audit',
    load: async () => (await import('./devflow/index.ts')).devflow,
  },
]
