/** Makes the Context of one run: everything in it is opened on first use and closed at the end. */
import type { Command, Context, Globals, Ui } from '../commands/command.ts'
import type { Config } from '../config/config.ts'
import type { ConnectOptions } from '../db/connect.ts'
import type { Database } from '../db/database.ts'
import { ConnectionError, StewardError } from '../errors.ts'
import type { Format } from '../output/view.ts'
import type { Env, Host, Streams } from './host.ts'

export interface Opened {
  readonly context: Context
  /** Closes what was opened; never throws. */
  close(): Promise<void>
}

interface Ingredients {
  readonly path: string
  readonly argv: readonly string[]
  readonly command: Command
  readonly streams: Streams
  readonly env: Env
  readonly host: Host
  readonly ui: Ui
  readonly format: Format
  readonly globals: Globals
  readonly target: { readonly profile?: string; readonly url?: string }
  readonly signal: AbortSignal
}

export function openContext(from: Ingredients): Opened {
  const opened: Promise<Database>[] = []
  const config = once(async (): Promise<Config> => {
    const { resolveConfig } = await import('../config/resolve.ts')
    const settings = await resolveConfig({
      flags: from.target,
      env: from.env,
      cwd: from.host.cwd,
      homeDirectory: from.host.homeDirectory,
      platform: from.host.platform,
    })
    // The commands about the configuration show its warnings among their results.
    if (!from.path.startsWith('config')) for (const line of settings.warnings) from.ui.warn(line)
    return settings
  })

  async function open(which: 'target' | 'replica'): Promise<Database> {
    const settings = await config()
    const { connect } = await import('../db/connect.ts')
    const endpoint =
      which === 'replica' && settings.replica
        ? settings.replica
        : settings.target.kind === 'server'
          ? settings.target.endpoint
          : await embeddedEndpoint(from)
    const options: ConnectOptions = {
      applicationName: `steward:${from.path}`,
      readOnly: from.command.effect === 'read',
      statementTimeoutMs: settings.statementTimeoutMs,
      poolSize: settings.poolSize,
      pooler: which === 'target' && settings.pooler,
      signal: from.signal,
      ...(settings.direct === undefined ? {} : { direct: settings.direct }),
    }
    const database = await connect(endpoint, options).catch(async (error: unknown) => {
      if (!from.ui.interactive || !(error instanceof StewardError) || error.code !== 'password-needed') throw error
      const password = await from.ui.secret(`Password of ${endpoint.user} for database ${endpoint.database}:`)
      // What was asked for holds behind a pooler as well: it is the same role's.
      const direct = settings.direct && { direct: { password, ...settings.direct } }
      return connect({ ...endpoint, password }, { ...options, ...direct })
    })
    return database
  }

  function toBeClosed(opening: Promise<Database>): Promise<Database> {
    opened.push(opening)
    return opening
  }

  const db = once(() => toBeClosed(open('target')))
  const readDb = once(async () => ((await config()).replica ? toBeClosed(open('replica')) : db()))

  const context: Context = {
    command: from.path,
    argv: from.argv,
    env: from.env,
    cwd: from.host.cwd,
    program: from.host.program ?? ['steward'],
    stdin: from.streams.stdin,
    signal: from.signal,
    now: from.host.now,
    actor: { osUser: from.host.osUser, host: from.host.hostname },
    ui: from.ui,
    format: from.format,
    globals: from.globals,
    config,
    db,
    readDb,
  }
  return {
    context,
    async close() {
      // One that is still being opened when a command fails would keep the process alive for good.
      await Promise.allSettled(opened.map(async (opening) => (await opening).close()))
    },
  }
}

/** The embedded server's endpoint; it is started when it exists, and only a command that bootstraps creates it. */
async function embeddedEndpoint(from: Ingredients) {
  const { embeddedServer } = await import('../server/embedded.ts')
  const server = embeddedServer({
    env: from.env,
    homeDirectory: from.host.homeDirectory,
    platform: from.host.platform,
  })
  if (!from.command.bootstraps && !(await server.exists())) {
    throw new ConnectionError({
      code: 'no-database',
      message: 'No database is configured, and there is no embedded server yet',
      hint: 'steward quickstart makes a local one; --url or steward config init names another',
    })
  }
  return server.ensureRunning(from.ui.progress)
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make()
    return made
  }
}
