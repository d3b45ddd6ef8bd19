/** The journal's record of a run that migrates, whose own tables may come or go with it. */
import type { Database } from '../../db/database.ts'
import type { Json } from '../../errors.ts'
import type { RunResult } from '../../migrations/outcomes.ts'
import type { Context } from '../command.ts'

/**
 * Runs `work` under a record in the journal and throws what stopped it.
 *
 * The first run makes the journal itself, and one that rolls Steward's own migrations back may take it away: such a
 * run is recorded once it is over, if the journal is there then.
 *
 * @param touchesJournal true when Steward's own migrations are among those to run
 * @throws StewardError that stopped the migrations
 */
export async function journalled(
  context: Context,
  db: Database,
  touchesJournal: boolean,
  work: () => Promise<RunResult>,
): Promise<RunResult> {
  const [{ journalRun }, { hasOwnTable }, { throwFailure }] = await Promise.all([
    import('../../db/journal.ts'),
    import('../../db/own-schema.ts'),
    import('../../migrations/outcomes.ts'),
  ])
  const record = (run: () => Promise<RunResult>) =>
    journalRun(db, context, async () => {
      const value = await run()
      const { failure } = value
      return {
        value,
        counts: countsOf(value),
        ...(failure === undefined ? {} : { exitCode: failure.exitCode, reason: failure.message }),
      }
    })
  let result: RunResult
  if (!touchesJournal && (await hasOwnTable(db, 'journal'))) result = await record(work)
  else {
    result = await work()
    const changed = result.outcomes.some(({ durationMs }) => durationMs !== null)
    const done = result
    if (changed && (await hasOwnTable(db, 'journal'))) await record(async () => done)
  }
  if (result.failure) {
    for (const { system, name, outcome } of result.outcomes) context.ui.note(`${outcome}: ${system} ${name}`)
  }
  throwFailure(result)
  return result
}

function countsOf({ outcomes }: RunResult): Json {
  const counts: Record<string, number> = {}
  for (const { outcome } of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1
  return { ...counts, migrations: outcomes.map(({ system, name, outcome }) => `${system} ${name}: ${outcome}`) }
}
