/** The answers of `config init`: from its flags, from `--url`, and on a terminal from questions. */
import { existsSync } from 'node:fs'
import { homedir, platform } from 'node:os'
import { completeEndpoint } from '../../config/complete.ts'
import { ENVIRONMENTS, type Endpoint, type Environment, type SslMode } from '../../config/config.ts'
import { EMBEDDED } from '../../config/find.ts'
import { accessFromVariables } from '../../config/libpq.ts'
import { present } from '../../config/parts.ts'
import { readPasswordFile } from '../../config/passwords.ts'
import { expandPath, type Machine, osUserName, PROJECT_FILE, variable } from '../../config/paths.ts'
import { Findings } from '../../config/report.ts'
import type { Answers } from '../../config/template.ts'
import { parseUrl } from '../../config/url.ts'
import { exists } from '../../config/write.ts'
import { UsageError } from '../../errors.ts'
import { systems } from '../../systems/registry.ts'
import type { Context } from '../command.ts'

export interface InitInput {
  readonly name: string | undefined
  readonly host: string | undefined
  readonly port: number | undefined
  readonly database: string | undefined
  readonly user: string | undefined
  readonly passwordFile: string | undefined
  readonly sslMode: SslMode | undefined
  readonly sslRootCert: string | undefined
  readonly pooler: boolean
  readonly directUrl: string | undefined
  readonly environment: Environment | undefined
  readonly system: string | undefined
  readonly file: string | undefined
  readonly force: boolean
}

export type Keeping =
  | { readonly kind: 'file' | 'pgpass'; readonly path: string; readonly password: string }
  | { readonly kind: 'nowhere' }

export interface Draft {
  readonly answers: Answers
  /** The server as the profile will reach it; absent for the embedded one. */
  readonly endpoint?: Endpoint
  /** Where a password that was typed goes. */
  readonly keeping: Keeping
}

export function machineOf({ env }: Pick<Context, 'env'>): Machine {
  return { env, homeDirectory: variable(env, 'HOME') ?? homedir(), platform: platform() }
}

/** @throws UsageError when a file is there and `--force` is not; before anybody has answered a question */
export async function fileToWrite(context: Context, input: InitInput): Promise<string> {
  const file = expandPath(input.file ?? PROJECT_FILE, context.cwd, machineOf(context).homeDirectory)
  if (existsSync(file) && !input.force) throw exists(file)
  return file
}

/** @throws UsageError naming what is missing or wrong; asks instead where it can */
export async function draftFrom(context: Context, input: InitInput): Promise<Draft> {
  const { ui } = context
  const fromUrl = await endpointFromFlag(context)
  const given = [input.host, input.port, input.database, input.user].some((value) => value !== undefined)
  const named = fromUrl !== undefined || given
  const asking = ui.interactive
  if (!named && !asking) {
    throw new UsageError({
      code: 'server-needed',
      message: 'Without a terminal nothing can be asked, and no flag says which server is meant',
      hint: 'Give --url postgresql://user@host/database, or --host, --port, --database and --user',
    })
  }
  const endpoint = fromUrl ?? (await endpointFromParts(context, input, !given && asking))
  const name =
    input.name ??
    (asking ? await ui.input('Name of the profile', { initial: 'default', validate: nameRule }) : 'default')
  const environment = input.environment ?? (asking ? await askEnvironment(context) : undefined)
  const system = input.system ?? (asking ? await askSystem(context) : undefined)
  const rule = nameRule(name)
  if (rule !== true) {
    throw new UsageError({
      code: 'invalid-name',
      message: `The profile cannot be called ${name}`,
      hint: `Use ${rule}`,
    })
  }
  if (system !== undefined && !systems.some((entry) => entry.name === system)) {
    throw new UsageError({
      code: 'unknown-system',
      message: `There is no system ${system}`,
      hint: `The systems are ${systems.map((entry) => entry.name).join(', ')}`,
    })
  }
  // Relative to here, not to the file that is written.
  const { homeDirectory } = machineOf(context)
  const full = (path: string | undefined) =>
    path === undefined || path === 'system' || path.startsWith('~')
      ? path
      : expandPath(path, context.cwd, homeDirectory)
  const server = endpoint && {
    host: endpoint.host,
    port: endpoint.port,
    database: endpoint.database,
    user: endpoint.user,
    sslMode: input.sslMode ?? endpoint.sslMode,
    ...present({ sslRootCert: full(input.sslRootCert) }),
  }
  return {
    answers: {
      name,
      pooler: input.pooler,
      ...present({ server, environment, system, passwordFile: full(input.passwordFile), directUrl: input.directUrl }),
    },
    ...(endpoint === undefined ? {} : { endpoint: await withFiles(context, input, endpoint) }),
    keeping: { kind: 'nowhere' },
  }
}

/** `--url` is a flag of every command, so the configuration has it already; undefined when it is absent. */
async function endpointFromFlag(context: Context): Promise<Endpoint | undefined> {
  if (!context.argv.some((word) => word === '--url' || word.startsWith('--url='))) return undefined
  const { target } = await context.config()
  return target.kind === 'server' ? target.endpoint : undefined
}

async function endpointFromParts(context: Context, input: InitInput, ask: boolean): Promise<Endpoint | undefined> {
  const { ui } = context
  const how = ask
    ? await ui.select('Which server?', [
        { value: 'parts', name: 'a server, asked for part by part' },
        { value: 'url', name: 'a server, by its URL' },
        { value: 'embedded', name: 'the embedded server', description: 'steward runs a PostgreSQL of its own' },
      ])
    : 'parts'
  if (how === 'embedded') return undefined
  const machine = machineOf(context)
  const findings = new Findings()
  const access = accessFromVariables(machine, findings.problem)
  findings.throwIfAny()
  const complete = (parts: Parameters<typeof completeEndpoint>[0]) =>
    completeEndpoint(parts, access, '', { machine, cwd: context.cwd, findings })
  if (how === 'url') {
    const url = await ui.input('URL without the password, postgresql://user@host/database', { validate: urlRule })
    const endpoint = await complete(parseUrl(url, 'url', (reason) => findings.problem('url', reason)))
    findings.throwIfAny()
    return endpoint
  }
  const user = osUserName(context.env)
  const answer = async (
    question: string,
    value: string | undefined,
    initial: string,
    validate: (text: string) => string | true = () => true,
  ) => value ?? (ask ? await ui.input(question, { initial, validate }) : undefined)
  const host = await answer('Host, or directory of the Unix socket', input.host, 'localhost')
  const port = await answer('Port', input.port?.toString(), '5432', portRule)
  const database = await answer('Database', input.database, 'postgres')
  const role = await answer('User', input.user, user)
  const sourced = <T>(value: T | undefined) => (value === undefined ? undefined : { value, origin: 'answer' })
  const number = port === undefined ? undefined : Number(port)
  return complete(
    present({ host: sourced(host), port: sourced(number), database: sourced(database), user: sourced(role) }),
  )
}

/** The endpoint with what the flags say about getting in, so that the trial goes the way the profile will go. */
async function withFiles(context: Context, input: InitInput, endpoint: Endpoint): Promise<Endpoint> {
  const { homeDirectory, platform: system } = machineOf(context)
  const full = (path: string) => (path === 'system' ? path : expandPath(path, context.cwd, homeDirectory))
  let { password } = endpoint
  if (input.passwordFile !== undefined) {
    const outcome = await readPasswordFile(full(input.passwordFile), system)
    if ('reason' in outcome) {
      throw new UsageError({
        code: 'password-file-unreadable',
        message: outcome.reason,
        hint: 'Write the password into it, and chmod 600',
      })
    }
    password = outcome.password
  }
  return {
    ...endpoint,
    ...present({
      password,
      sslMode: input.sslMode,
      sslRootCert: input.sslRootCert === undefined ? undefined : full(input.sslRootCert),
    }),
  }
}

async function askEnvironment({ ui }: Context): Promise<Environment> {
  return ui.select(
    'What is the database for?',
    ENVIRONMENTS.map((value) => ({ value })),
    'development',
  )
}

async function askSystem({ ui }: Context): Promise<string | undefined> {
  const chosen = await ui.select('Which system is meant when none is named?', [
    { value: '', name: 'none', description: 'name it each time' },
    ...systems.map(({ name, title }) => ({ value: name, name: title })),
  ])
  return chosen === '' ? undefined : chosen
}

function nameRule(value: string): string | true {
  if (value === EMBEDDED) return 'another name: embedded always means the server that steward runs itself'
  return /^[A-Za-z][\w-]*$/.test(value) ? true : 'letters, digits, - and _, beginning with a letter'
}

function portRule(value: string): string | true {
  const number = Number(value)
  return Number.isInteger(number) && number >= 1 && number <= 65_535 ? true : 'a whole number from 1 to 65535'
}

function urlRule(value: string): string | true {
  const reasons: string[] = []
  parseUrl(value, 'url', (reason) => reasons.push(reason))
  return reasons[0] ?? true
}
