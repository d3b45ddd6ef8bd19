/** Stores, and which of them takes the archive's cold files. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { nearest } from '../model/nearest.ts'
import { COLD_FORMATS, type ColdConfig, type Config, type StoreConfig } from './config.ts'
import { dataHome, type Machine } from './paths.ts'
import type { Findings } from './report.ts'
import type { ProfileSettings } from './schema.ts'
import type { At } from './settings.ts'

type StoreSettings = Exclude<NonNullable<ProfileSettings['stores']>[string], string>

/** PostgreSQL interval that archived batches stay in the archive tables where the profile does not say. */
const COLD_AFTER = '30 days'

/** The stores of the profile, or one in the data home; and where cold files go, if they are to be made. */
export function chooseStores(
  settings: ProfileSettings | undefined,
  at: At,
  machine: Machine,
  findings: Findings,
): Pick<Config, 'stores' | 'cold'> {
  const named = Object.entries(settings?.stores ?? {}).map(([name, said]) => {
    const store = typeof said === 'string' ? { url: said } : said
    return storeOf(name, store, at, findings)
  })
  const stores = named.length > 0 ? named : [localStore(machine, findings)]
  const cold = settings?.archive?.cold
  return { stores, ...(cold === undefined ? {} : { cold: coldOf(cold, stores, at, findings) }) }
}

function storeOf(name: string, store: StoreSettings, at: At, findings: Findings): StoreConfig {
  const { url, endpoint, region, pathStyle } = store
  const keep = <T>(key: string, value: T, ...path: string[]): T =>
    findings.keep(key, { value, origin: at('stores', name, ...path) })
  if (url.startsWith('file:')) {
    for (const key of Object.keys(store).filter((each) => each !== 'url')) {
      findings.problem(at('stores', name, key), `${key} of ${name} is for s3:// stores only`)
    }
  }
  return {
    name,
    url: keep(`stores.${name}`, url),
    ...(endpoint === undefined ? {} : { endpoint: keep(`stores.${name}.endpoint`, endpoint, 'endpoint') }),
    ...(region === undefined ? {} : { region: keep(`stores.${name}.region`, region, 'region') }),
    ...(pathStyle === undefined ? {} : { pathStyle: keep(`stores.${name}.pathStyle`, pathStyle, 'pathStyle') }),
  }
}

function localStore(machine: Machine, findings: Findings): StoreConfig {
  const url = pathToFileURL(join(dataHome(machine), 'artifacts')).href
  return { name: 'local', url: findings.keep('stores.local', { value: url, origin: 'default' }) }
}

function coldOf(
  cold: NonNullable<NonNullable<ProfileSettings['archive']>['cold']>,
  stores: readonly StoreConfig[],
  at: At,
  findings: Findings,
): ColdConfig {
  const names = stores.map(({ name }) => name)
  if (!names.includes(cold.store)) {
    const near = nearest(cold.store, names)
    const which = near === undefined ? `there are ${names.join(', ')}` : `did you mean ${near}?`
    findings.problem(at('archive', 'cold', 'store'), `archive.cold.store names no store: ${cold.store} (${which})`)
  }
  const keep = <T>(key: 'store' | 'after' | 'formats', said: T | undefined, fallback: T): T => {
    const origin = said === undefined ? 'default' : at('archive', 'cold', key)
    return findings.keep(`archive.cold.${key}`, { value: said ?? fallback, origin })
  }
  const formats = keep('formats', cold.formats, [...COLD_FORMATS])
  return {
    store: keep('store', cold.store, cold.store),
    after: keep('after', cold.after, COLD_AFTER),
    formats: COLD_FORMATS.filter((format) => formats.includes(format)),
  }
}
