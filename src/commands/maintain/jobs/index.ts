/** The jobs of maintenance: where each kind is made, in the order in which a run takes them. */
import type { Config } from '../../../config/config.ts'
import type { JobKind } from '../../../model/job.ts'
import type { Job, JobSource, PlacedSystem } from '../job.ts'

/**
 * The order in which kinds of jobs run. Partitions are there before rows need them; what ends by expiry can be archived
 * later; files that are due go before their rows can be archived, which would keep them; files that removed rows leave
 * due go after those; cold files are made of what was archived; the space comes last.
 */
export const JOB_ORDER: readonly JobKind[] = [
  'partitions',
  'expire',
  'delete-files',
  'soft-delete',
  'drop-partitions',
  'archive',
  'delete',
  'purge',
  'tombstones',
  'export',
  'vacuum',
]

/** A line for each kind. */
const SOURCES: Partial<Readonly<Record<JobKind, () => Promise<JobSource>>>> = {
  partitions: async () => (await import('./partitions.ts')).partitionsJobs,
  expire: async () => (await import('./expire.ts')).expireJobs,
  'soft-delete': async () => (await import('./soft-delete.ts')).softDeleteJobs,
  'drop-partitions': async () => (await import('./drop-partitions.ts')).dropPartitionsJobs,
  archive: async () => (await import('./aggregates.ts')).archiveJobs,
  delete: async () => (await import('./aggregates.ts')).deleteJobs,
  purge: async () => (await import('./aggregates.ts')).purgeJobs,
  'delete-files': async () => (await import('./delete-files.ts')).deleteFilesJobs,
  tombstones: async () => (await import('./delete-files.ts')).tombstonesJobs,
  export: async () => (await import('./export.ts')).exportJobs,
  vacuum: async () => (await import('./vacuum.ts')).vacuumJobs,
}

/** Every job of these systems that the profile has on, in the order of a run. */
export async function jobsOf(config: Config, systems: readonly PlacedSystem[]): Promise<readonly Job[]> {
  const jobs: Job[] = []
  for (const kind of JOB_ORDER) {
    const source = await SOURCES[kind]?.()
    if (source !== undefined) jobs.push(...(await source(config, systems)))
  }
  return jobs
}
