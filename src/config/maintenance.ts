/** How maintenance behaves beside the platform's own work. */
import { dirname, join } from 'node:path'
import type { MaintenanceConfig } from './config.ts'
import type { Profile } from './find.ts'
import type { Sourced } from './parts.ts'
import { dataHome, expandPath, type Machine } from './paths.ts'
import type { Findings } from './report.ts'
import type { Sources } from './settings.ts'
import { parseBatchTime, parseLease, parseSwitch, parseTimeout } from './values.ts'

const PREFIX = 'STEWARD_MAINTENANCE_'

/** Goes before the file, which is read again while a run works. */
export const PAUSE_VARIABLE = `${PREFIX}PAUSE`

/** Seconds. */
const REPLICA_LAG = 30
/** Milliseconds. */
const BATCH_TIME = 1000
const LEASE = 30_000

/** Settings by precedence: `STEWARD_MAINTENANCE_*`, then the profile. @param cwd what a path in a variable begins from */
export function chooseMaintenance(
  { settings, at, fromVariable }: Sources,
  profile: Profile | undefined,
  machine: Machine,
  cwd: string,
  findings: Findings,
): MaintenanceConfig {
  const said = settings?.maintenance
  const choose = <T>(
    key: keyof NonNullable<typeof said>,
    own: Sourced<T> | undefined,
    profiled: T | undefined,
    fallback: T,
  ): T => {
    const inFile = profiled === undefined ? undefined : { value: profiled, origin: at('maintenance', key) }
    return findings.keep(`maintenance.${key}`, own ?? inFile ?? { value: fallback, origin: 'default' })
  }
  const path = (base: string) => (raw: string) => expandPath(raw, base, machine.homeDirectory)
  const parsed = <T>(raw: string | undefined, parse: (raw: string) => T) =>
    raw === undefined ? undefined : parse(raw)
  const seconds = (raw: string) => parseTimeout(raw) / 1000
  const beside = profile === undefined ? cwd : dirname(profile.file.path)
  const lag = said?.replicaLag
  return {
    pause: choose('pause', fromVariable(PAUSE_VARIABLE, parseSwitch), said?.pause, false),
    stopFile: choose(
      'stopFile',
      fromVariable(`${PREFIX}STOP_FILE`, path(cwd)),
      parsed(said?.stopFile, path(beside)),
      join(dataHome(machine), 'maintenance.stop'),
    ),
    replicaLagSeconds: choose(
      'replicaLag',
      fromVariable(`${PREFIX}REPLICA_LAG`, seconds),
      parsed(lag === undefined ? undefined : String(lag), seconds),
      REPLICA_LAG,
    ),
    batchMs: choose(
      'batchTime',
      fromVariable(`${PREFIX}BATCH_TIME`, parseBatchTime),
      parsed(said?.batchTime, parseBatchTime),
      BATCH_TIME,
    ),
    leaseMs: choose('lease', fromVariable(`${PREFIX}LEASE`, parseLease), parsed(said?.lease, parseLease), LEASE),
  }
}
