import { ENVIRONMENTS, type Environment } from '../../config/config.ts'
import { defineDestroyCommand } from '../command.ts'
import { argument } from '../flags.ts'

interface Marking {
  readonly database: string
  readonly from: Environment | undefined
  readonly to: Environment
}

/** `steward config environment`: what the database says of itself is changed only here. */
export const environment = defineDestroyCommand({
  name: 'environment',
  summary: 'Mark the database as development, staging or production',
  description:
    'Changes the marker that the database carries. It decides how destructive commands are confirmed and where seeds are refused, whatever a profile says.',
  examples: [
    { command: 'config environment production', does: 'From now on the name of the database is asked for' },
    { command: 'config environment staging --dry-run', does: 'See what the marker is now' },
  ],
  args: { environment: argument('what the database is', ENVIRONMENTS) },
  async plan(context, { environment: word }): Promise<Marking> {
    const db = await context.db()
    const { readEnvironment } = await import('../../db/environment.ts')
    const to = ENVIRONMENTS.find((name) => name === word) ?? 'development'
    return { database: db.database, from: await readEnvironment(db), to }
  },
  planView: viewOf,
  nothing: ({ database, from, to }) =>
    from === to ? `The database ${database} is marked ${to} already.` : undefined,
  action: ({ database, from, to }) => `Mark the database ${database} as ${to} (now ${from ?? 'not marked'})`,
  async apply(context, _input, marking) {
    const db = await context.db()
    const [{ setEnvironment }, { journalRun }] = await Promise.all([
      import('../../db/environment.ts'),
      import('../../db/journal.ts'),
    ])
    const { osUser, host } = context.actor
    return journalRun(db, context, async () => {
      await setEnvironment(db, marking.to, `${osUser}@${host}`)
      return { value: marking, counts: { from: marking.from ?? null, to: marking.to } }
    })
  },
  view: viewOf,
})

function viewOf(marking: Marking) {
  return {
    shape: 'record',
    columns: [
      { key: 'database', kind: 'text' },
      { key: 'from', label: 'marked so far', kind: 'text' },
      { key: 'to', label: 'marked as', kind: 'text' },
    ],
    row: { ...marking, from: marking.from ?? null },
  } as const
}
