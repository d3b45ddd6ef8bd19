import type { Endpoint } from '../../config/config.ts'
import type { Machine } from '../../config/paths.ts'
import { type Context, defineCommand } from '../command.ts'
import { choice, integer, text, toggle } from '../flags.ts'
import type { Draft, Keeping } from './draft.ts'

/** What was written, and what the server said. */
interface Written {
  readonly file: string
  readonly profile: string
  readonly server: string
  readonly version: string | null
  readonly environment: string | null
}

export const init = defineCommand({
  name: 'init',
  summary: 'Write a steward.yaml with a profile, after trying the connection',
  description:
    'Asks on a terminal for what the flags leave open; without one, the flags (or --url) must say it. Passwords are ' +
    'never written into the file: they come from a file of their own, ~/.pgpass or PGPASSWORD. What is not said about ' +
    'the server means what it means to psql.',
  examples: [
    { command: 'config init', does: 'Ask, try the connection, write ./steward.yaml' },
    {
      command: 'config init --url postgresql://ada@db.example.org/app --name prod --environment production',
      does: 'The same without questions',
    },
  ],
  effect: 'write',
  flags: {
    name: text('<profile>', 'name of the profile'),
    host: text('<host>', 'host name, address or socket directory'),
    port: integer('<port>', 'port', { min: 1, max: 65_535 }),
    database: text('<name>', 'database'),
    user: text('<role>', 'role to connect as'),
    passwordFile: text('<path>', 'file that holds the password and nothing else'),
    sslMode: choice(
      ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'],
      "TLS, as libpq's sslmode",
      {
        metavar: '<mode>',
      },
    ),
    sslRootCert: text('<path>', 'PEM file of the authorities to trust, or system'),
    pooler: toggle('a transaction pooler stands before the server'),
    directUrl: text('<url>', 'address of the server behind the pooler'),
    environment: choice(['development', 'staging', 'production'], 'what the database is for', {
      metavar: '<environment>',
    }),
    system: text('<name>', 'system that is meant when none is named'),
    file: text('<path>', 'file to write instead of ./steward.yaml'),
    force: toggle('replace the file that is there'),
    untested: toggle('do not try the connection'),
  },
  async run(context, input): Promise<Written> {
    const { draftFrom, fileToWrite, machineOf } = await import('./draft.ts')
    const machine = machineOf(context)
    const file = await fileToWrite(context, input)
    const draft = await draftFrom(context, input)
    const facts = input.untested || draft.endpoint === undefined ? undefined : await tried(context, draft.endpoint)
    const { endpoint, keeping } = facts?.password === undefined ? draft : await kept(context, draft, facts.password)
    const [{ configText }, { writeConfigFile, writePasswordFile, addToPassFile }] = await Promise.all([
      import('../../config/template.ts'),
      import('../../config/write.ts'),
    ])
    const passwordFile = keeping.kind === 'file' ? fromHome(keeping.path, machine) : draft.answers.passwordFile
    const answers = { ...draft.answers, ...(passwordFile === undefined ? {} : { passwordFile }) }
    if (keeping.kind === 'file') await writePasswordFile(keeping.path, keeping.password)
    if (keeping.kind === 'pgpass' && endpoint) await addToPassFile(keeping.path, endpoint, keeping.password)
    await writeConfigFile(file, configText(answers), { replace: input.force, platform: machine.platform })
    context.ui.note(`Wrote ${file}. Next: steward config check, steward migrate up`)
    if ((await passwordIsFromUrl(context)) && answers.passwordFile === undefined) {
      context.ui.warn(
        'the password of --url is not in the file; give it with PGPASSWORD, ~/.pgpass or a passwordFile',
      )
    }
    return {
      file,
      profile: answers.name,
      server: endpoint ? `${endpoint.host}:${endpoint.port}/${endpoint.database}` : 'embedded',
      version: facts?.version ?? null,
      environment: facts?.environment ?? answers.environment ?? null,
    }
  },
  view: (written) => ({
    shape: 'record',
    columns: [
      { key: 'file', kind: 'text' },
      { key: 'profile', kind: 'text' },
      { key: 'server', kind: 'text' },
      { key: 'version', label: 'PostgreSQL', kind: 'text' },
      { key: 'environment', kind: 'text' },
    ],
    row: { ...written },
  }),
})

/** A URL's password goes into no file, so the profile lacks what the trial had. */
async function passwordIsFromUrl(context: Context): Promise<boolean> {
  if (!context.argv.some((word) => word === '--url' || word.startsWith('--url='))) return false
  return (await context.config()).origins.get('password') === '--url'
}

/** `~/…` where it can be said so: the file may be shared with others, who have homes of their own. */
function fromHome(path: string, { homeDirectory }: Machine): string {
  return path.startsWith(`${homeDirectory}/`) ? `~${path.slice(homeDirectory.length)}` : path
}

interface Facts {
  readonly version: string
  readonly environment: string | undefined
  /** Set when it was asked for and worked. */
  readonly password?: string
}

/** Connects as the profile will. On a terminal a password can be typed, and a failure overlooked. */
async function tried(context: Context, endpoint: Endpoint, typed?: string): Promise<Facts | undefined> {
  const [{ connect }, { readEnvironment }, { serverFacts }, { ConnectionError, OperationError }] = await Promise.all([
    import('../../db/connect.ts'),
    import('../../db/environment.ts'),
    import('../../db/access.ts'),
    import('../../errors.ts'),
  ])
  try {
    const db = await connect(typed === undefined ? endpoint : { ...endpoint, password: typed }, {
      applicationName: `steward:${context.command}`,
      readOnly: true,
      statementTimeoutMs: 10_000,
      poolSize: 1,
      signal: context.signal,
      // Settings that a pooler refuses are not needed to try the way in.
      pooler: true,
    })
    try {
      const { version } = await serverFacts(db)
      const environment = await readEnvironment(db).catch((error: unknown) => {
        if (error instanceof OperationError) return undefined
        throw error
      })
      return { version, environment, ...(typed === undefined ? {} : { password: typed }) }
    } finally {
      await db.close()
    }
  } catch (error) {
    if (!(error instanceof ConnectionError) || !context.ui.interactive) throw error
    if (error.code === 'password-needed' || error.code === 'wrong-password') {
      if (error.code === 'wrong-password') context.ui.warn(error.message)
      const password = await context.ui.secret(`Password of ${endpoint.user} (empty to go on without)`)
      if (password !== '') return tried(context, endpoint, password)
    }
    context.ui.warn(`${error.message}. ${error.hint ?? ''}`)
    if (await context.ui.confirm('Write the file all the same?')) return undefined
    throw error
  }
}

/** Asks where a typed password is to be kept. */
async function kept(context: Context, draft: Draft, password: string): Promise<Draft> {
  const { machineOf } = await import('./draft.ts')
  const [{ join, dirname }, { userFile, variable }] = await Promise.all([
    import('node:path'),
    import('../../config/paths.ts'),
  ])
  const machine = machineOf(context)
  const passFile = variable(context.env, 'PGPASSFILE') ?? join(machine.homeDirectory, '.pgpass')
  const ownFile = join(dirname(userFile(machine)), `${draft.answers.name}.password`)
  const where = await context.ui.select('Where is the password to be kept?', [
    { value: 'file', name: `in ${ownFile}`, description: 'a file that only you may read' },
    { value: 'pgpass', name: `in ${passFile}`, description: 'psql and every other libpq program read it too' },
    { value: 'nowhere', name: 'nowhere', description: 'PGPASSWORD gives it each time' },
  ])
  const keeping: Keeping =
    where === 'file'
      ? { kind: 'file', path: ownFile, password }
      : where === 'pgpass'
        ? { kind: 'pgpass', path: passFile, password }
        : { kind: 'nowhere' }
  return { ...draft, keeping }
}
