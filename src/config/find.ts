/** Finding the configuration files, and the profile in them. */
import { dirname, join } from 'node:path'
import { UsageError } from '../errors.ts'
import { nearest } from '../model/nearest.ts'
import type { ConfigFile } from './file.ts'
import type { Sourced } from './parts.ts'
import { expandPath, type Machine, PROJECT_FILE, userFile, variable } from './paths.ts'
import type { Findings } from './report.ts'
import type { ProfileSettings } from './schema.ts'

/** The profile that always means the server that Steward runs itself. */
export const EMBEDDED = 'embedded'

export interface Profile {
  readonly name: string
  readonly settings: ProfileSettings
  readonly file: ConfigFile
}

/**
 * The files that count, the project's first: `STEWARD_CONFIG` alone where it is set, else `steward.yaml` of this folder
 * or the nearest one above, then the user's file.
 */
export async function readFiles(machine: Machine, cwd: string, findings: Findings): Promise<ConfigFile[]> {
  const named = variable(machine.env, 'STEWARD_CONFIG')
  if (named !== undefined) {
    const file = await read(expandPath(named, cwd, machine.homeDirectory), machine, findings)
    if (file === undefined && findings.problems.length === 0) findings.problem('STEWARD_CONFIG', 'names no file')
    return file ? [file] : []
  }
  const own = userFile(machine)
  const found = [await nearestProjectFile(cwd, machine, findings), await read(own, machine, findings)]
  return found.filter((file) => file !== undefined)
}

async function nearestProjectFile(
  cwd: string,
  machine: Machine,
  findings: Findings,
): Promise<ConfigFile | undefined> {
  for (let folder = cwd; ; folder = dirname(folder)) {
    const before = findings.problems.length
    const file = await read(join(folder, PROJECT_FILE), machine, findings)
    if (file !== undefined || findings.problems.length > before) return file
    if (dirname(folder) === folder) return undefined
  }
}

/** The parser and the schema are loaded only when there is a file. */
async function read(path: string, machine: Machine, findings: Findings): Promise<ConfigFile | undefined> {
  const { existsSync } = await import('node:fs')
  if (!existsSync(path)) return undefined
  const { readConfigFile } = await import('./file.ts')
  const outcome = await readConfigFile(path, machine.platform)
  findings.problems.push(...(outcome?.problems ?? []))
  if (outcome?.file && Object.hasOwn(outcome.file.profiles, EMBEDDED)) {
    findings.problem(
      place(outcome.file, ['profiles', EMBEDDED]),
      'embedded always means the embedded server; choose another name',
    )
  }
  return outcome?.file
}

/** The profile of this name; the project's hides the user's of the same name. @throws UsageError */
export function namedProfile(files: readonly ConfigFile[], name: Sourced<string>): Profile {
  for (const file of files) {
    const settings = Object.hasOwn(file.profiles, name.value) ? file.profiles[name.value] : undefined
    if (settings) return { name: name.value, settings, file }
  }
  const known = [...new Set(files.flatMap((file) => Object.keys(file.profiles))), EMBEDDED]
  const near = nearest(name.value, known)
  throw new UsageError({
    code: 'unknown-profile',
    message: `There is no profile ${name.value} (${name.origin})${near === undefined ? '' : `; did you mean ${near}?`}`,
    hint:
      known.length === 1
        ? 'steward config init writes a profile into steward.yaml'
        : `The profiles are ${known.join(', ')}`,
  })
}

/**
 * The profile for when nobody names one: that which the file asks for, the one called `default`, or the only one.
 *
 * @returns undefined when no file has profiles; several candidates when the choice is open
 */
export function defaultProfile(files: readonly ConfigFile[]): Sourced<string> | readonly string[] | undefined {
  for (const file of files) {
    const names = Object.keys(file.profiles)
    if (file.profile !== undefined) return { value: file.profile, origin: place(file, ['profile']) }
    if (names.includes('default')) return { value: 'default', origin: `${file.path} (profile default)` }
    if (names.length > 1) return names
    const [only] = names
    if (only !== undefined) return { value: only, origin: `${file.path} (its only profile)` }
  }
  return undefined
}

/** `steward.yaml:12`. */
export function place(file: ConfigFile, path: readonly string[]): string {
  const line = file.lineOf(path)
  return line === undefined ? file.path : `${file.path}:${line}`
}
