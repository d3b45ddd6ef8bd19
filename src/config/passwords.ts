/** Passwords that stand in files: a profile's `passwordFile`, and ~/.pgpass as libpq reads it. */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Sourced } from './parts.ts'
import { type Machine, variable } from './paths.ts'

/** Group and others. */
const OTHERS = 0o077

/** True when others than the owner may read the file. Windows has no such bits. */
export async function isReadableByOthers(path: string, platform: NodeJS.Platform): Promise<boolean> {
  return platform !== 'win32' && ((await stat(path)).mode & OTHERS) !== 0
}

/**
 * The password in a file of its own; the line end at its end is not part of it.
 *
 * @returns the password, or why there is none
 */
export async function readPasswordFile(
  path: string,
  platform: NodeJS.Platform,
): Promise<{ password: string; readableByOthers: boolean } | { reason: string }> {
  try {
    const password = (await readFile(path, 'utf8')).replace(/\r?\n$/, '')
    if (password === '') return { reason: `${path} is empty` }
    return { password, readableByOthers: await isReadableByOthers(path, platform) }
  } catch {
    return { reason: `${path} cannot be read` }
  }
}

/**
 * Looks the password up in PGPASSFILE or ~/.pgpass (PostgreSQL manual, 34.16). The first line that fits counts.
 *
 * @param warn told when the file is passed over because others may read it, as libpq does
 */
export async function passwordFromPassFile(
  server: { readonly host: string; readonly port: number; readonly database: string; readonly user: string },
  passFile: string | undefined,
  machine: Machine,
  warn: (line: string) => void,
): Promise<Sourced<string> | undefined> {
  const path = passFile ?? defaultPassFile(machine)
  const text = await readFile(path, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  if (await isReadableByOthers(path, machine.platform)) {
    warn(`${path} is ignored, because others may read it: chmod 600 ${path}`)
    return undefined
  }
  // Entries for a socket are written with localhost, or with its directory.
  const hosts = server.host.startsWith('/') ? [server.host, 'localhost'] : [server.host]
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.startsWith('#')) continue
    const [host, port, database, user, password] = fieldsOf(line)
    const fits =
      (host === '*' || hosts.some((name) => name === host)) &&
      (port === '*' || port === String(server.port)) &&
      (database === '*' || database === server.database) &&
      (user === '*' || user === server.user)
    if (fits && password !== undefined && password !== '') {
      return { value: password, origin: `${path}:${index + 1}` }
    }
  }
  return undefined
}

function defaultPassFile({ env, homeDirectory, platform }: Machine): string {
  return platform === 'win32'
    ? join(variable(env, 'APPDATA') ?? homeDirectory, 'postgresql', 'pgpass.conf')
    : join(homeDirectory, '.pgpass')
}

/** `host:port:database:user:password`, where `\` makes the next character an ordinary one. */
function fieldsOf(line: string): string[] {
  const fields: string[] = []
  let field = ''
  for (let at = 0; at < line.length; at++) {
    if (line[at] === ':' && fields.length < 4) {
      fields.push(field)
      field = ''
    } else {
      if (line[at] === '\\' && at + 1 < line.length) at++
      field += line[at]
    }
  }
  return [...fields, field]
}
