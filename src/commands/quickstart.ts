/** `steward quickstart`: from nothing to a database worth looking at, with one command. */
import { setTimeout as sleep } from 'node:timers/promises'
import { LockedError, RefusedError, throwIfStopped, UsageError } from '../errors.ts'
import { isForPeople } from '../output/view.ts'
import { systems } from '../systems/registry.ts'
import { type Context, defineCommand } from './command.ts'
import { applyUp } from './migrate/up.ts'
import { gatherOverview } from './overview.ts'
import { overviewView } from './overview-view.ts'
import { seedSystem } from './seed/run.ts'

export const quickstart = defineCommand({
  name: 'quickstart',
  summary: 'Bring up a local database with demo data and look around',
  description:
    'Starts the embedded PostgreSQL server, applies the migrations, loads the demo data and shows the overview. What is there already is left as it is, so it can be run again at any time.',
  examples: [{ command: 'quickstart', does: 'Everything, on a machine with nothing but Node' }],
  effect: 'write',
  bootstraps: true,
  async run(context) {
    await requireEmbedded(context)
    const { database } = await context.db()
    context.ui.note(`Server    running, database ${database}`)
    const { outcomes } = await applyUp(context)
    context.ui.note(`Schema    ${outcomes.length === 0 ? 'up to date' : `${outcomes.length} migrations applied`}`)
    const { seeds } = await import('../../seeds/registry.ts')
    for (const { name } of systems) if (seeds[name]) await seedDemo(context, name)
    return gatherOverview(context)
  },
  view: (overview, _input, { format }) => overviewView(overview, !isForPeople(format)),
})

/** Demo data belongs into no database that somebody configured: they say so themselves, with two commands. */
async function requireEmbedded(context: Context): Promise<void> {
  const config = await context.config()
  if (config.target.kind === 'embedded') return
  const origin = config.origins.get('url') ?? config.origins.get('host') ?? `profile ${config.profile}`
  throw new UsageError({
    code: 'not-embedded',
    message: `quickstart brings up the embedded server, but another database is configured (${origin})`,
    hint: 'For that database: steward migrate up, then steward seed run skyvern. Else unset what configures it',
  })
}

/** Refusals that only say that there are rows already, by other means or of another size: then those are shown. */
const PRESENT = ['seeded-otherwise', 'not-empty']

async function seedDemo(context: Context, system: string): Promise<void> {
  try {
    const { rows, status } = await afterOthers(context, () => seedSystem(context, { system, scale: 'demo' }))
    const loaded = [...rows.values()].reduce((sum, count) => sum + count, 0)
    if (status === 'unchanged') return
    context.ui.note(`Data      ${loaded.toLocaleString('en-US')} rows of demo data for ${system}`)
  } catch (error) {
    if (!(error instanceof RefusedError) || !PRESENT.includes(error.code)) throw error
    context.ui.note(`Data      left as it is: ${error.message}`)
  }
}

/** Milliseconds that another quickstart gets to load its demo data, which takes it a few seconds. */
const PATIENCE = 60_000

/** Waits for a run that seeds at this moment, as for one that migrates: then there is nothing left to do. */
async function afterOthers<T>(context: Context, seed: () => Promise<T>): Promise<T> {
  for (const deadline = performance.now() + PATIENCE; ; ) {
    try {
      return await seed()
    } catch (error) {
      if (!(error instanceof LockedError) || performance.now() > deadline) throw error
    }
    await sleep(200)
    throwIfStopped(context.signal)
  }
}
