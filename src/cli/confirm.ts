/**
 * How a plan is confirmed (design, "The way of one command"). Production, and a database whose marker disagrees
 * with the profile, want the name typed or given with `--confirm`; anything else a yes. Without a terminal nothing
 * waits: what is missing is an error at once.
 */
import type { Context, Plan } from '../commands/command.ts'
import { ConfirmationError } from '../errors.ts'

/** Fails at once when no answer can come, before anything is planned or connected. */
export function requireAnswerable(context: Context): void {
  const { globals, ui, command } = context
  if (globals.yes || globals.confirm !== undefined || ui.interactive) return
  throw new ConfirmationError({
    code: 'confirmation-needed',
    message: `steward ${command} asks before it acts, and there is no terminal to ask on`,
    hint: 'Look at the plan with --dry-run, then add --yes (on production: --confirm <database>)',
  })
}

/** Returns when the plan is confirmed. @throws ConfirmationError when it is not */
export async function confirmPlan(context: Context, plan: Plan): Promise<void> {
  const { globals, ui } = context
  const stake = await stakeOf(context, plan)
  const name = plan.confirmName ?? stake.database
  // Whoever names a database means that one, `--yes` or not.
  if (globals.confirm !== undefined) {
    if (globals.confirm === name) return
    throw wrongName(name)
  }
  if (!stake.strict) {
    if (globals.yes || (await ui.confirm(`${plan.action}?`))) return
    throw new ConfirmationError({ code: 'not-confirmed', message: 'Not confirmed; nothing was changed' })
  }
  if (!ui.interactive) {
    throw new ConfirmationError({
      code: 'confirmation-needed',
      message: `${plan.action}: ${stake.because}, so --yes is not enough`,
      hint: `Add --confirm ${name}`,
    })
  }
  ui.warn(`${stake.because}.`)
  const typed = await ui.input(`${plan.action}? Type ${name} to go on:`)
  if (typed.trim() !== name) {
    throw new ConfirmationError({ code: 'not-confirmed', message: 'The name does not match; nothing was changed' })
  }
}

interface Stake {
  readonly strict: boolean
  readonly because: string
  readonly database: string
}

/** What is at stake: the profile's word and the database's own marker, the stricter of the two. */
async function stakeOf(context: Context, plan: Plan): Promise<Stake> {
  if (plan.environment !== undefined) {
    return { strict: plan.environment === 'production', because: 'this is production', database: '' }
  }
  const config = await context.config()
  const db = await context.db()
  const { readEnvironment } = await import('../db/environment.ts')
  const marker = await readEnvironment(db)
  const claimed = config.environment
  if (marker !== undefined && claimed !== undefined && marker !== claimed) {
    const because = `the profile ${config.profile} says ${claimed}, the database ${db.database} says ${marker}`
    return { strict: true, because, database: db.database }
  }
  const environment = marker ?? claimed
  return {
    strict: environment === 'production',
    because: `the database ${db.database} is marked production`,
    database: db.database,
  }
}

function wrongName(name: string): ConfirmationError {
  return new ConfirmationError({
    code: 'wrong-confirmation',
    message: '--confirm does not name what would be changed',
    hint: `The name to confirm is ${name}`,
  })
}
