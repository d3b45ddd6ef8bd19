/**
 * Flags, environment and files become one checked, frozen configuration.
 *
 * Where a connection goes is decided by the first of these that says so, and by it alone:
 *
 *  1. `--url`
 *  2. `--profile`
 *  3. `STEWARD_URL`
 *  4. `STEWARD_PROFILE`
 *  5. `DATABASE_URL`; PGHOST, PGHOSTADDR, PGPORT, PGDATABASE or PGSERVICE; `DATABASE_STRING`; DB_HOST or DB_NAME
 *  6. the default profile of `steward.yaml` in this folder or above, else of the user's file
 *  7. the embedded server
 *
 * Why so: whoever names a profile must get that database, whatever a shell happens to export; so a named profile goes
 * before variables that were set for other programs, and those may then only say how to get in (password, TLS,
 * timeout), never where or as whom. Where such a variable takes the place of a default profile, a warning says so, and
 * none of that profile's settings apply except `system`: its schemas, stores and environment describe another database.
 * `STEWARD_DIRECT_URL`, `STEWARD_REPLICA_URL` and `STEWARD_POOLER` belong to a connection from the environment, the
 * profile's `directUrl`, `replicaUrl` and `pooler` to the profile's own; neither ever accompanies another connection,
 * or migrations would run on one server and everything else on another.
 */
import { UsageError } from '../errors.ts'
import { completeEndpoint, partsOf } from './complete.ts'
import type { Config, Endpoint, Target } from './config.ts'
import { defaultProfile, EMBEDDED, namedProfile, type Profile, place, readFiles } from './find.ts'
import type { EndpointParts, Sourced } from './parts.ts'
import { type Env, type Machine, variable } from './paths.ts'
import { Findings } from './report.ts'
import { resolveSettings } from './settings.ts'
import { ambientSource, profileSource, profileUrl, type Source, urlSource } from './source.ts'
import { parseUrl } from './url.ts'
import { parseSwitch } from './values.ts'

/** Origin of `profile` where none applies. */
export const UNUSED = 'none in use'

export interface ResolveOptions {
  readonly flags: { readonly profile?: string; readonly url?: string }
  readonly env: Env
  readonly cwd: string
  readonly homeDirectory: string
  readonly platform: NodeJS.Platform
}

/**
 * Resolves the configuration. Reads files, connects to nothing.
 *
 * @throws UsageError naming every problem with its place, or the profile that does not exist
 */
export async function resolveConfig(options: ResolveOptions): Promise<Config> {
  const { env, homeDirectory, platform, cwd } = options
  const machine: Machine = { env, homeDirectory, platform }
  const findings = new Findings()
  const files = await readFiles(machine, cwd, findings)
  findings.throwIfAny()

  const choice = chooseProfile(options, files)
  const source = await chooseSource(options, choice, machine, findings)
  const profile = choice.profile
  const context = { machine, cwd, findings }
  const target: Target =
    source === undefined
      ? { kind: 'embedded' }
      : { kind: 'server', endpoint: await completeEndpoint(source.given, source.more, '', context) }
  if (source === undefined) findings.origins.set('target', choice.embeddedBecause)

  // A profile that does not say where the connection goes, and was not asked for, describes another database.
  const applies = profile !== undefined && (choice.explicit || !displaces(source, profile))
  const other = async (which: 'direct' | 'replica'): Promise<Endpoint | undefined> => {
    const parts = source && otherUrl(which, source, profile, machine, findings)
    if (parts === undefined || target.kind !== 'server') return undefined
    return completeEndpoint(parts, partsOf(target.endpoint, 'as the main connection'), `${which}.`, context)
  }
  const [direct, replica] = [await other('direct'), await other('replica')]
  const settings = resolveSettings(applies ? profile : undefined, choice.explicit, machine, cwd, findings)
  const pooler = resolvePooler(source, profile, machine, findings)
  // The one setting that does no harm with another database.
  const system = settings.system ?? profile?.settings.system

  if (profile && !applies) {
    findings.warn(`${source?.name} is set, so profile ${profile.name} of ${profile.file.path} is not used`)
  }
  findings.throwIfAny()
  findings.origins.set('profile', applies ? choice.origin : UNUSED)
  return deepFreeze({
    ...settings,
    profile: applies ? profile.name : (choice.name ?? 'default'),
    target,
    ...(direct === undefined ? {} : { direct }),
    ...(replica === undefined ? {} : { replica }),
    ...(system === undefined ? {} : { system }),
    pooler,
    origins: findings.origins,
    files: files.map((file) => file.path),
    warnings: findings.warnings,
  })
}

interface Choice {
  readonly profile?: Profile
  /** Set where the name stands for no profile of a file (`embedded`). */
  readonly name?: string
  /** Named by flag or variable, as opposed to taken by default. */
  readonly explicit: boolean
  /** Which of the two named it, for the precedence against STEWARD_URL. */
  readonly byFlag: boolean
  readonly origin: string
  readonly embeddedBecause: string
  /** Profiles among which nobody has chosen. */
  readonly open?: readonly string[]
}

function chooseProfile({ flags, env }: ResolveOptions, files: Parameters<typeof namedProfile>[0]): Choice {
  const named: Sourced<string> | undefined =
    flags.profile !== undefined
      ? { value: flags.profile, origin: '--profile' }
      : sourcedVariable(env, 'STEWARD_PROFILE')
  const usual = named ?? defaultProfile(files)
  const byFlag = flags.profile !== undefined
  const none = { explicit: named !== undefined, byFlag, origin: 'default', embeddedBecause: 'nothing is configured' }
  if (usual === undefined) return none
  if (!('value' in usual)) return { ...none, open: usual }
  const { origin } = usual
  if (usual.value === EMBEDDED) return { ...none, name: EMBEDDED, origin, embeddedBecause: origin }
  const embeddedBecause = `profile ${usual.value} names no server`
  return { ...none, profile: namedProfile(files, usual), origin, embeddedBecause }
}

/** The order that the head of this file gives. */
async function chooseSource(
  { flags, env }: ResolveOptions,
  choice: Choice,
  machine: Machine,
  findings: Findings,
): Promise<Source | undefined> {
  if (flags.url !== undefined) return urlSource(flags.url, '--url', machine, findings)
  const url = variable(env, 'STEWARD_URL')
  if (url !== undefined && !choice.byFlag) return urlSource(url, 'STEWARD_URL', machine, findings)
  const ambient = choice.explicit ? undefined : ambientSource(machine, findings)
  if (ambient) return ambient
  if (choice.open !== undefined) {
    throw new UsageError({
      code: 'profile-needed',
      message: `Several profiles are configured, and none is the default: ${choice.open.join(', ')}`,
      hint: 'Name one with --profile or STEWARD_PROFILE, or set profile: at the top of the file',
    })
  }
  return choice.profile && profileSource(choice.profile, machine, findings)
}

function displaces(source: Source | undefined, profile: Profile): boolean {
  return source !== undefined && source.name !== `profile ${profile.name}`
}

function otherUrl(
  which: 'direct' | 'replica',
  source: Source,
  profile: Profile | undefined,
  machine: Machine,
  findings: Findings,
): EndpointParts | undefined {
  if (source.from === 'environment') {
    const name = which === 'direct' ? 'STEWARD_DIRECT_URL' : 'STEWARD_REPLICA_URL'
    const url = variable(machine.env, name)
    return url === undefined ? undefined : parseUrl(url, name, (reason) => findings.problem(name, reason))
  }
  const key = which === 'direct' ? 'directUrl' : 'replicaUrl'
  const url = source.from === 'profile' ? profile?.settings[key] : undefined
  return profile && url !== undefined ? profileUrl(profile, key, url, machine, findings) : undefined
}

function resolvePooler(
  source: Source | undefined,
  profile: Profile | undefined,
  { env }: Machine,
  findings: Findings,
): boolean {
  const own = source?.from === 'environment' ? variable(env, 'STEWARD_POOLER') : undefined
  const profiled = source?.from === 'profile' ? profile?.settings.pooler : undefined
  let said = source?.given.pooler
  if (own !== undefined) {
    try {
      said = { value: parseSwitch(own), origin: 'STEWARD_POOLER' }
    } catch {
      findings.problem('STEWARD_POOLER', 'must be true or false')
    }
  } else if (profile && profiled !== undefined) {
    said = { value: profiled, origin: place(profile.file, ['profiles', profile.name, 'pooler']) }
  }
  return findings.keep('pooler', said ?? { value: false, origin: 'default' })
}

function sourcedVariable(env: Env, name: string): Sourced<string> | undefined {
  const value = variable(env, name)
  return value === undefined ? undefined : { value, origin: name }
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  if (!(value instanceof Map)) for (const member of Object.values(value)) deepFreeze(member)
  return Object.freeze(value)
}
