/** The shape of `steward.yaml`. Unknown keys are refused, so that a misspelt one never goes unnoticed. */
import * as z from 'zod/mini'
import { InvalidValue } from '../errors.ts'
import { nearest } from '../model/nearest.ts'
import { RETENTION_SWITCHES } from '../model/retention.ts'
import { COLD_FORMATS, ENVIRONMENTS } from './config.ts'
import { SSL_MODES } from './parts.ts'
import {
  parseBatchTime,
  parseLease,
  parseTimeout,
  refuseEndpoint,
  refuseInterval,
  refuseSchema,
  refuseStore,
} from './values.ts'

const text = () => z.string('must be text').check(z.minLength(1, 'must not be empty'))

const whole = (lowest: number, highest: number) => {
  const says = `must be a whole number from ${lowest} to ${highest}`
  return z.int(says).check(z.gte(lowest, says), z.lte(highest, says))
}

const oneOf = <const V extends string>(values: readonly V[]) =>
  z.enum(Object.fromEntries(values.map((value) => [value, value])) as { [K in V]: K }, {
    error: ({ input }) => {
      const near = typeof input === 'string' ? nearest(input, values) : undefined
      return `must be one of ${values.join(', ')}${near === undefined ? '' : ` (did you mean ${near}?)`}`
    },
  })

/** Text that a function may refuse with a reason. */
const checked = (refuse: (value: string) => string | undefined) => text().check(refusing(refuse))

function refusing(refuse: (value: string) => string | undefined) {
  return z.check<string>((context) => {
    const message = refuse(context.value)
    if (message !== undefined) context.issues.push({ code: 'custom', message, input: context.value })
  })
}

const timeout = z.union([z.literal(0), checked(refuseTimeout)], 'must be a length of time such as 60s, or 0 for none')

/** An object of settings; something else in its place is told what belongs there. */
const settings = <const S extends z.core.$ZodShape>(shape: S) =>
  z.strictObject(shape, {
    error: ({ code }) => (code === 'invalid_type' ? 'must hold settings, one a line' : undefined),
  })

/** Said of a store that is neither; of one that is nearly either, what is wrong with it. */
export const STORE_FORMS = 'must be a URL, or url and options'

/** A store that needs to be told more than its URL. */
const store = settings({
  url: z.string('must be there').check(z.minLength(1, 'must not be empty'), refusing(refuseStore)),
  endpoint: z.optional(checked(refuseEndpoint)),
  region: z.optional(text()),
  pathStyle: z.optional(z.boolean('must be true or false')),
})

/** What a profile says of a retention rule. */
const age = z.string(refuseRetention('')).check(refusing(refuseRetention))

const profile = z.strictObject(
  {
    url: z.optional(text()),
    host: z.optional(text()),
    port: z.optional(whole(1, 65_535)),
    database: z.optional(text()),
    user: z.optional(text()),
    passwordFile: z.optional(text()),
    sslMode: z.optional(oneOf(SSL_MODES)),
    sslRootCert: z.optional(text()),
    sslCert: z.optional(text()),
    sslKey: z.optional(text()),
    connectTimeout: z.optional(whole(0, 86_400)),
    directUrl: z.optional(text()),
    replicaUrl: z.optional(text()),
    pooler: z.optional(z.boolean('must be true or false')),
    environment: z.optional(oneOf(ENVIRONMENTS)),
    system: z.optional(text()),
    schemas: z.optional(z.record(z.string(), checked(refuseSchema), 'must map systems to schema names')),
    stores: z.optional(
      z.record(z.string(), z.union([checked(refuseStore), store], STORE_FORMS), 'must map names to URLs'),
    ),
    archive: z.optional(
      settings({
        cold: z.optional(
          settings({
            store: text(),
            after: z.optional(checked(refuseInterval)),
            formats: z.optional(
              z.array(oneOf(COLD_FORMATS), 'must be a list').check(z.minLength(1, 'must not be empty')),
            ),
          }),
        ),
      }),
    ),
    statementTimeout: z.optional(timeout),
    lockTimeout: z.optional(timeout),
    poolSize: z.optional(whole(1, 100)),
    credentials: z.optional(
      z.strictObject(
        { keyFile: text() },
        {
          error: ({ code }) => (code === 'invalid_type' ? 'must hold keyFile' : undefined),
        },
      ),
    ),
    maintenance: z.optional(
      settings({
        pause: z.optional(z.boolean('must be true or false')),
        stopFile: z.optional(text()),
        replicaLag: z.optional(timeout),
        batchTime: z.optional(checked(refuseBatchTime)),
        lease: z.optional(checked(refuseLease)),
      }),
    ),
    retention: z.optional(
      z.record(z.string(), z.record(z.string(), age, 'must map rules to ages'), 'must map systems to rules'),
    ),
  },
  { error: ({ code }) => (code === 'invalid_type' ? 'must hold settings, one a line' : undefined) },
)

export const file = z.strictObject(
  {
    profile: z.optional(text()),
    profiles: z.optional(z.record(z.string(), profile, 'must hold profiles by name')),
  },
  { error: ({ code }) => (code === 'invalid_type' ? 'must hold profile and profiles' : undefined) },
)

export type ProfileSettings = z.output<typeof profile>
export type FileSettings = z.output<typeof file>

/** The keys that may stand at a path of the file, for the hint at a misspelt one. */
export function keysAt(path: readonly PropertyKey[]): readonly string[] {
  if (path.length === 0) return Object.keys(file.shape)
  if (path[0] !== 'profiles') return []
  if (path.length === 2) return Object.keys(profile.shape)
  const [, , key, name] = path
  if (path.length === 4) {
    if (key === 'stores') return Object.keys(store.shape)
    return key === 'archive' && name === 'cold' ? ['store', 'after', 'formats'] : []
  }
  return path.length === 3 ? (KEYS[String(key)] ?? []) : []
}

const KEYS: Readonly<Record<string, readonly string[]>> = {
  credentials: ['keyFile'],
  archive: ['cold'],
  maintenance: ['pause', 'stopFile', 'replicaLag', 'batchTime', 'lease'],
}

/** An age, or a word that turns the rule on or off. */
function refuseRetention(value: string): string | undefined {
  if (RETENTION_SWITCHES.some((word) => word === value)) return undefined
  const reason = refuseInterval(value)
  return reason?.startsWith('must be an age') ? `${reason}, or on or off` : reason
}

function refuseTimeout(value: string): string | undefined {
  return refusedBy(parseTimeout, value)
}

function refuseBatchTime(value: string): string | undefined {
  return refusedBy(parseBatchTime, value)
}

function refuseLease(value: string): string | undefined {
  return refusedBy(parseLease, value)
}

function refusedBy(parse: (raw: string) => unknown, value: string): string | undefined {
  try {
    parse(value)
    return undefined
  } catch (error) {
    if (error instanceof InvalidValue) return error.message
    throw error
  }
}
