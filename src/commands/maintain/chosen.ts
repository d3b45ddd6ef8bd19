/** Which jobs a run is about: those of the systems at hand that are on, less what `--only` and `--skip` leave out. */
import { UsageError } from '../../errors.ts'
import { nearest } from '../../model/nearest.ts'
import { systems as registry } from '../../systems/registry.ts'
import type { Context } from '../command.ts'
import { refuseUnknownRetention } from '../retention.ts'
import type { Job } from './job.ts'
import { jobsOf } from './jobs/index.ts'
import { placedIn } from './rules.ts'

export interface JobChoice {
  readonly system: readonly string[]
  readonly only: readonly string[]
  readonly skip: readonly string[]
}

/**
 * The jobs, in the order of a run.
 *
 * @throws UsageError (exit 2) naming each name that is none, and each rule of the profile that does not exist
 */
export async function chosenJobs(context: Context, { system, only, skip }: JobChoice): Promise<readonly Job[]> {
  const config = await context.config()
  await refuseUnknownRetention(config)
  const wanted = registry.filter(({ name }) => system.length === 0 || system.includes(name))
  const placed = await placedIn(context, await Promise.all(wanted.map(({ load }) => load())))
  const jobs = await jobsOf(config, placed)
  const names = [...new Set(jobs.flatMap((job) => namesOf(job)))]
  const problems = [
    ...only.map((name) => ({ where: '--only', name })),
    ...skip.map((name) => ({ where: '--skip', name })),
  ].flatMap(({ where, name }) => {
    if (names.includes(name)) return []
    const near = nearest(name, names)
    return [{ where, reason: `${name} is no job here${near === undefined ? '' : ` (did you mean ${near}?)`}` }]
  })
  if (problems.length > 0) {
    throw new UsageError({
      code: 'no-such-job',
      message: 'The choice of jobs names some that there are not',
      hint: 'steward maintain run --dry-run -o json lists them all; a kind (archive) or a schema stands for all of its jobs',
      problems,
    })
  }
  const isIn = (job: Job, list: readonly string[]) => namesOf(job).some((name) => list.includes(name))
  return jobs.filter((job) => (only.length === 0 || isIn(job, only)) && !isIn(job, skip))
}

/** What a job may be called: its name, its kind, its schema. */
function namesOf({ name, kind, schema }: Job): readonly string[] {
  return [name, kind, schema]
}
