/** Whether the configuration says that maintenance is to pause, read again while a run works. */
import { stat } from 'node:fs/promises'
import { platform } from 'node:os'
import type { Config } from './config.ts'
import { PAUSE_VARIABLE } from './maintenance.ts'
import { UNUSED } from './resolve.ts'

/**
 * A function that reads `maintenance.pause` of the profile in use from its file as it is now. A file that did not
 * change is not read; one that cannot be read, or has a problem, leaves the last word as it was.
 *
 * @param tell takes a line when a file has become unreadable
 */
export function pauseSwitch(
  config: Pick<Config, 'files' | 'profile' | 'maintenance' | 'origins'>,
  tell: (line: string) => void,
): () => Promise<boolean> {
  const states = new Map<string, { readonly stamp: string; readonly pause: boolean | undefined }>()
  // A variable goes before the file, and a profile that is not in use has no say.
  const fixed = config.origins.get('maintenance.pause') === PAUSE_VARIABLE || config.origins.get('profile') === UNUSED
  if (fixed) return async () => config.maintenance.pause
  return async () => {
    for (const path of config.files) {
      const found = await stat(path).catch(() => undefined)
      const stamp = found === undefined ? 'none' : `${found.ino} ${found.size} ${found.mtimeMs}`
      const known = states.get(path)
      if (known?.stamp === stamp) continue
      states.set(path, { stamp, pause: await pauseIn(path, config.profile, known?.pause, tell) })
    }
    const said = config.files.map((path) => states.get(path)?.pause).find((pause) => pause !== undefined)
    return said ?? config.maintenance.pause
  }
}

async function pauseIn(
  path: string,
  profile: string,
  before: boolean | undefined,
  tell: (line: string) => void,
): Promise<boolean | undefined> {
  const { readConfigFile } = await import('./file.ts')
  const outcome = await readConfigFile(path, platform())
  if (outcome === undefined) return before
  if (outcome.file === undefined) {
    tell(`${path} has a problem since the run began; what it said of maintenance.pause holds on`)
    return before
  }
  const settings = Object.hasOwn(outcome.file.profiles, profile) ? outcome.file.profiles[profile] : undefined
  // The profile is there and says nothing: that is a word, too.
  return settings && (settings.maintenance?.pause ?? false)
}
