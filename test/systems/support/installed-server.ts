/**
 * An older PostgreSQL, where the machine has one in the place that Debian's packages use: a throwaway cluster, run by
 * an ordinary user, reached over a socket.
 */
import { access, chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Endpoint } from '../../../src/config/config.ts'
import { runProgram } from '../../../src/server/program.ts'
import { serverUser } from '../../../src/server/unprivileged.ts'

export interface InstalledServer {
  readonly endpoint: Endpoint
  stop(): Promise<void>
}

/** Directory of the programs of this major version, undefined where it is not installed. */
export async function installedBinaries(major: number): Promise<string | undefined> {
  const directory = `/usr/lib/postgresql/${major}/bin`
  return access(join(directory, 'initdb')).then(
    () => directory,
    () => undefined,
  )
}

/** Creates and starts a cluster of those programs. */
export async function startInstalled(binaries: string): Promise<InstalledServer> {
  const home = await mkdtemp(join(tmpdir(), 'steward-pg-'))
  const data = join(home, 'data')
  const user = await serverUser(data)
  if (user) await chown(home, user.uid, user.gid)
  const run = async (program: string, ...args: string[]) => {
    const { status, stderr } = await runProgram(join(binaries, program), args, { user, cwd: home })
    if (status !== 0) throw new Error(`${program}: ${stderr}`)
  }
  const options = `-k ${home} -c listen_addresses='' -c fsync=off`
  try {
    await run('initdb', '--pgdata', data, '--username=steward', '--auth=trust', '--encoding=UTF8', '--no-sync')
    await run('pg_ctl', '--pgdata', data, '--log', join(home, 'log'), '--options', options, '--wait', 'start')
  } catch (error) {
    await rm(home, { recursive: true, force: true })
    throw error
  }
  return {
    endpoint: {
      host: home,
      port: 5432,
      database: 'postgres',
      user: 'steward',
      sslMode: 'disable',
      connectTimeout: 10,
    },
    async stop() {
      await run('pg_ctl', '--pgdata', data, '--mode=immediate', 'stop')
      await rm(home, { recursive: true, force: true })
    },
  }
}
