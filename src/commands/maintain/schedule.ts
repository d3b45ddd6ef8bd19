/** `steward maintain schedule`. */
import process from 'node:process'
import type { Config } from '../../config/config.ts'
import { InvalidValue, StewardError, UsageError } from '../../errors.ts'
import type { Schedule, TimeOfDay, Unit } from '../../maintenance/schedule.ts'
import { parseDuration } from '../../model/moment.ts'
import { type Context, defineCommand } from '../command.ts'
import { type Flag, integerOr, text, toggle } from '../flags.ts'

interface Scheduled {
  readonly crontab?: string
  readonly units?: readonly Unit[]
}

const timesOfDay: Flag<readonly TimeOfDay[]> = {
  metavar: '<HH:MM>',
  summary: 'times of the day for all jobs (default 02:30)',
  repeatable: true,
  fallback: [],
  parse: (raw) =>
    raw.split(',').map((part) => {
      const match = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(part.trim())
      if (match === null) throw new InvalidValue('must be times such as 02:30 or 2:30,14:30')
      return { hour: Number(match[1]), minute: Number(match[2]) }
    }),
}

const runTime: Flag<string> = {
  metavar: '<duration>',
  summary: 'what a run of all jobs may take (default 2h)',
  fallback: '2h',
  parse(raw) {
    parseDuration(raw)
    return raw.trim()
  },
}

export const schedule = defineCommand({
  name: 'schedule',
  summary: 'Print what cron or systemd need to run maintenance of this profile',
  description:
    'Prints lines for crontab -e, and service and timer units for /etc/systemd/system: all jobs once a day, and the expiry of states every few minutes. With the absolute path of this installation, the profile, how the run is confirmed, and the exit codes that are no failure there. Installs nothing. Passwords are left where they are: in a passwordFile, ~/.pgpass or the service file of libpq.',
  examples: [
    { command: 'maintain schedule --cron', does: 'Lines for crontab -e' },
    {
      command: 'maintain schedule --systemd --at 01:00,13:00 --metrics-file /var/lib/node_exporter/steward.prom',
      does: 'Units that run twice a day and leave figures for Prometheus',
    },
  ],
  effect: 'read',
  flags: {
    cron: toggle('the crontab only'),
    systemd: toggle('the units only'),
    at: timesOfDay,
    expireEvery: integerOr(5, '<minutes>', 'minutes between two runs that only expire states', { min: 1, max: 59 }),
    runTime,
    metricsFile: text('<path>', 'file of figures for Prometheus that the daily run writes'),
    logFile: text('<path>', "file that cron's output goes to (default: maintain.log in the data home)"),
  },
  async run(context, input): Promise<Scheduled> {
    const { crontab, systemdUnits } = await import('../../maintenance/schedule.ts')
    const made = await scheduleFrom(context, input)
    const both = input.cron === input.systemd
    return {
      ...(both || input.cron ? { crontab: crontab(made) } : {}),
      ...(both || input.systemd ? { units: systemdUnits(made) } : {}),
    }
  },
  view: ({ crontab, units = [] }) => ({
    shape: 'text',
    text: [
      ...(crontab === undefined ? [] : [crontab]),
      ...units.map(({ path, text: unit }) => `# ${path}\n${unit}`),
    ].join('\n'),
    value: { crontab: crontab ?? null, units },
  }),
})

interface Wanted {
  readonly at: readonly TimeOfDay[]
  readonly expireEvery: number
  readonly runTime: string
  readonly metricsFile: string | undefined
  readonly logFile: string | undefined
}

async function scheduleFrom(context: Context, wanted: Wanted): Promise<Schedule> {
  const [config, { UNUSED }, { EMBEDDED }, { join, resolve }, { dataHome }, { homedir }] = await Promise.all([
    context.config(),
    import('../../config/resolve.ts'),
    import('../../config/find.ts'),
    import('node:path'),
    import('../../config/paths.ts'),
    import('node:os'),
  ])
  refuseAmbient(config)
  warnOfSecrets(context, config)
  const { strict, database } = await stakeOf(context, config)
  const machine = { env: context.env, homeDirectory: context.env.HOME ?? homedir(), platform: process.platform }
  const absolute = (path: string) => resolve(context.cwd, path)
  const unused = config.origins.get('profile') === UNUSED && config.profile !== EMBEDDED
  const named = unused ? [] : ['--profile', config.profile]
  return {
    program: context.program,
    folder: context.cwd,
    variables: variablesOf(context.env, absolute),
    user: context.actor.osUser,
    profile: config.profile,
    database,
    flags: [...named, ...(strict ? ['--confirm', database] : ['--yes'])],
    at: wanted.at.length === 0 ? [{ hour: 2, minute: 30 }] : wanted.at,
    expireEvery: wanted.expireEvery,
    runTime: wanted.runTime,
    metricsFile: wanted.metricsFile === undefined ? undefined : absolute(wanted.metricsFile),
    logFile: wanted.logFile === undefined ? join(dataHome(machine), 'maintain.log') : absolute(wanted.logFile),
    embedded: config.target.kind === 'embedded',
  }
}

/** Variables that say where things are, for a shell that does not have them. */
const PATHS = [
  'STEWARD_CONFIG',
  'STEWARD_DATA_HOME',
  'STEWARD_MAINTENANCE_STOP_FILE',
  'XDG_CONFIG_HOME',
  'XDG_DATA_HOME',
  'PGPASSFILE',
  'PGSERVICEFILE',
  'AWS_CONFIG_FILE',
  'AWS_SHARED_CREDENTIALS_FILE',
]
/** Those that say how a run behaves, and on which schemas it works. Whether it pauses is a matter of the day. */
const WORDS =
  /^(STEWARD_(SCHEMA_\w+|LOCK_TIMEOUT|STATEMENT_TIMEOUT|POOL_SIZE|POOLER|MAINTENANCE_(BATCH_TIME|LEASE|REPLICA_LAG))|AWS_(PROFILE|REGION|DEFAULT_REGION))$/

/** What the run would be told by this shell, secrets left out. */
function variablesOf(env: Context['env'], absolute: (path: string) => string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env)
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .flatMap(([name, value]) => {
        if (value === undefined || value === '') return []
        if (PATHS.includes(name)) return [[name, absolute(value)]]
        return WORDS.test(name) ? [[name, value]] : []
      }),
  )
}

/** Variables that a run would miss, but that are not to be printed. */
const SECRETS = ['PGPASSWORD', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']

function warnOfSecrets({ env, ui }: Context, { target, origins, stores }: Config): void {
  const used = (name: string) =>
    name === 'PGPASSWORD'
      ? target.kind === 'server' && origins.get('password') === name
      : stores.some(({ url }) => url.startsWith('s3:'))
  const here = SECRETS.filter((name) => (env[name] ?? '') !== '' && used(name))
  if (here.length === 0) return
  ui.warn(
    `${here.join(', ')} of this shell ${here.length === 1 ? 'is' : 'are'} secret and not printed; give cron and systemd a password file or a credentials file`,
  )
}

/** @throws UsageError when the connection is of this shell only */
function refuseAmbient({ target, origins }: Config): void {
  if (target.kind === 'embedded') return
  const origin = origins.get('host') ?? ''
  if (!/^(--url|[A-Z][A-Z0-9_]*)$/.test(origin)) return
  throw new UsageError({
    code: 'profile-needed',
    message: `The connection comes from ${origin}, which cron and systemd do not have`,
    hint: 'steward config init writes a profile; run this again where it is the one in use, or name it with --profile',
  })
}

/** How a run is confirmed there: production, and a database whose marker disagrees with the profile, by its name. */
async function stakeOf(
  context: Context,
  config: Config,
): Promise<{ readonly strict: boolean; readonly database: string }> {
  const { environment: claimed, target } = config
  const named = target.kind === 'server' ? target.endpoint.database : 'steward'
  try {
    const [db, { readEnvironment }] = await Promise.all([context.db(), import('../../db/environment.ts')])
    const marker = await readEnvironment(db)
    const differ = marker !== undefined && claimed !== undefined && marker !== claimed
    return { strict: differ || (marker ?? claimed) === 'production', database: db.database }
  } catch (error) {
    if (!(error instanceof StewardError)) throw error
    context.ui.warn(
      `The marker of the database could not be read (${error.message}); the profile's environment counts`,
    )
    return { strict: claimed === 'production', database: named }
  }
}
