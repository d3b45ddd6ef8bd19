/**
 * JSON Schema: compiling the schemas that rows hold, and validating values against them. Loaded on demand, since
 * ajv is large. Draft 7 unless the schema names another (2019-09, 2020-12).
 */
import { Ajv, type ErrorObject, type Options, type ValidateFunction } from 'ajv'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { stringifyJson } from '../db/json.ts'
import { InvalidValue, type Problem } from '../errors.ts'
import { plainJson } from './json.ts'

const OPTIONS: Options = {
  allErrors: true,
  // A schema may carry keywords of the platform that wrote it; JSON Schema says to ignore unknown ones.
  strict: false,
  logger: false,
}

/** Compiled schemas by their text: an import checks many rows against the same few. */
const compiled = new Map<string, ValidateFunction>()

/**
 * Compiles a JSON Schema.
 *
 * @throws InvalidValue saying what is wrong with it
 */
export function compileSchema(schema: unknown): ValidateFunction {
  const text = stringifyJson(schema)
  const known = compiled.get(text)
  if (known) return known
  const plain = plainJson(schema)
  if (typeof plain !== 'boolean' && (typeof plain !== 'object' || plain === null || Array.isArray(plain))) {
    throw new InvalidValue('must be a JSON Schema: an object, true or false')
  }
  const ajv = ajvFor(plain)
  // The meta-schema says where a schema is wrong; compiling finds the rest, such as a $ref to nowhere.
  if (ajv.validateSchema(plain) !== true && ajv.errors?.length) {
    throw new InvalidValue(`is not a valid JSON Schema: ${ajv.errors.slice(0, 3).map(sentence).join('; ')}`)
  }
  try {
    const validate = ajv.compile(plain)
    compiled.set(text, validate)
    return validate
  } catch (error) {
    throw new InvalidValue(`is not a valid JSON Schema: ${error instanceof Error ? error.message : 'unreadable'}`)
  }
}

/**
 * Validates a value against a schema.
 *
 * @param where name of the field that holds the value; problems are located below it (`parameters.retries`)
 * @returns every problem; a schema that does not compile is one, too
 */
export function validateAgainst(schema: unknown, value: unknown, where: string): Problem[] {
  let validate: ValidateFunction
  try {
    validate = compileSchema(schema)
  } catch (error) {
    if (error instanceof InvalidValue) return [{ where, reason: `cannot be checked: its schema ${error.message}` }]
    throw error
  }
  if (validate(plainJson(value))) return []
  // `anyOf` and `if` report each branch and then themselves; the summary alone would say nothing, so all stay.
  return (validate.errors ?? []).map((error) => ({ where: locationOf(error, where), reason: reasonOf(error) }))
}

function ajvFor(schema: unknown): Ajv | Ajv2019 | Ajv2020 {
  const dialect = typeof schema === 'object' && schema !== null && '$schema' in schema ? String(schema.$schema) : ''
  const ajv = dialect.includes('2020-12')
    ? new Ajv2020(OPTIONS)
    : dialect.includes('2019-09')
      ? new Ajv2019(OPTIONS)
      : new Ajv(OPTIONS)
  addFormats.default(ajv)
  return ajv
}

function sentence(error: ErrorObject): string {
  return `${error.instancePath === '' ? 'it' : error.instancePath} ${reasonOf(error)}`
}

/** `/items/0/name` below `parameters` is `parameters.items[0].name`. */
function locationOf(error: ErrorObject, where: string): string {
  const parts = error.instancePath.split('/').slice(1)
  const missing: unknown = error.params.missingProperty ?? error.params.additionalProperty
  if (typeof missing === 'string') parts.push(missing)
  return parts.reduce((path, part) => {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~')
    return /^\d+$/.test(name) ? `${path}[${name}]` : `${path}.${name}`
  }, where)
}

function reasonOf(error: ErrorObject): string {
  switch (error.keyword) {
    case 'required':
      return 'is required'
    case 'additionalProperties':
    case 'unevaluatedProperties':
      return 'is not a parameter the schema knows'
    case 'enum':
      return `must be one of ${(error.params.allowedValues as unknown[]).map((value) => JSON.stringify(value)).join(', ')}`
    case 'const':
      return `must be ${JSON.stringify(error.params.allowedValue)}`
    case 'type':
      return `must be of type ${[error.params.type].flat().join(' or ')}`
    default:
      return error.message ?? 'does not match the schema'
  }
}
