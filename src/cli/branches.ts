/**
 * The first word of a command line and what it leads to. Names and summaries stand here so that the root help
 * loads nothing; a branch is imported when the command line names it.
 */
import type { Command, Group } from '../commands/command.ts'
import { systems } from '../systems/registry.ts'

export interface Branch {
  readonly name: string
  readonly summary: string
  /** Heading in the root help. */
  readonly heading: 'Start here:' | 'Data:' | 'Database:' | 'Steward itself:'
  readonly load: () => Promise<Command | Group>
}

export const branches: readonly Branch[] = [
  {
    name: 'quickstart',
    summary: 'Bring up a local database with demo data and look around',
    heading: 'Start here:',
    load: async () => (await import('../commands/quickstart.ts')).quickstart,
  },
  {
    name: 'status',
    summary: 'Connection, versions, migrations, sizes, what retention waits for, and what to do next',
    heading: 'Start here:',
    load: async () => (await import('../commands/status.ts')).status,
  },
  ...systems.map(
    (entry): Branch => ({
      name: entry.name,
      summary: entry.summary,
      heading: 'Data:',
      load: async () => (await import('../commands/system.ts')).systemGroup(await entry.load()),
    }),
  ),
  {
    name: 'report',
    summary: 'List the reports of every system',
    heading: 'Data:',
    load: async () => (await import('../commands/report/index.ts')).reportCatalogue,
  },
  {
    name: 'seed',
    summary: 'Fill a development database with realistic data',
    heading: 'Data:',
    load: async () => (await import('../commands/seed/index.ts')).seedGroup,
  },
  {
    name: 'migrate',
    summary: 'Schema migrations: status, plan, up, down, redo',
    heading: 'Database:',
    load: async () => (await import('../commands/migrate/index.ts')).migrateGroup,
  },
  {
    name: 'schema',
    summary: 'Compare the database with what Steward declares',
    heading: 'Database:',
    load: async () => (await import('../commands/schema/index.ts')).schemaGroup,
  },
  {
    name: 'maintain',
    summary: 'All that is due: retention, partitions, vacuum, indexes; by hand or by cron',
    heading: 'Database:',
    load: async () => (await import('../commands/maintain/index.ts')).maintainGroup,
  },
  {
    name: 'archive',
    summary: 'Move what is over into archive tables and files, and back',
    heading: 'Database:',
    load: async () => (await import('../commands/archive/index.ts')).archiveGroup,
  },
  {
    name: 'artifacts',
    summary: 'Delete files that are due, compare stores with the database',
    heading: 'Database:',
    load: async () => (await import('../commands/artifacts/index.ts')).artifactsGroup,
  },
  {
    name: 'server',
    summary: 'The embedded PostgreSQL server: start, stop, status, url, logs',
    heading: 'Database:',
    load: async () => (await import('../commands/server/index.ts')).serverGroup,
  },
  {
    name: 'config',
    summary: 'Show, write and check the configuration',
    heading: 'Steward itself:',
    load: async () => (await import('../commands/config/index.ts')).configGroup,
  },
  {
    name: 'completion',
    summary: 'Print the completion script of a shell',
    heading: 'Steward itself:',
    load: async () => (await import('../commands/completion/index.ts')).completionGroup,
  },
]
