/** What the JSON columns share (decision 57): their shape, and how deep they may nest. */
import type { Check } from '../../../model/entity.ts'
import { isJsonObject, type Rule } from '../../../model/rule.ts'

/** Objects and arrays within each other, the outermost counted. */
const DEEPEST = 10

/** The check of a JSON column; the database's function `nests_at_most_ten` does the counting. */
export function jsonShape(table: string, column: string, type: 'object' | 'array'): Check {
  return {
    name: `chk_${table}_${column}`,
    expression: `((jsonb_typeof(${column}) = '${type}'::text) AND {schema}.nests_at_most_ten(${column}))`,
    says: `must be a JSON ${type}, nested at most ${DEEPEST} deep`,
    fields: [column],
  }
}

/** At most ten levels of objects and arrays, counted without recursion, so that no document is too deep to refuse. */
export const nestedAtMostTen: Rule = {
  describes: `nested at most ${DEEPEST} deep`,
  check(value) {
    let level = [value]
    for (let depth = 0; level.length > 0; depth++) {
      const containers = level.filter((each) => typeof each === 'object' && each !== null)
      if (containers.length > 0 && depth === DEEPEST) return `must not be nested more than ${DEEPEST} deep`
      level = containers.flatMap((each) => Object.values(each ?? {}))
    }
    return undefined
  },
}

/** A JSON array. */
export const jsonArray: Rule = {
  describes: 'a JSON array',
  check: (value) => (Array.isArray(value) ? undefined : 'must be a JSON array'),
}

/** A JSON array of texts. */
export const textsOnly: Rule = {
  describes: 'a JSON array of texts',
  check: (value) =>
    Array.isArray(value) && value.every((each) => typeof each === 'string')
      ? undefined
      : 'must be a JSON array of texts',
}

/** Of a JSON object: where it has this member, the member is of this type. */
export function memberOfType(member: string, type: 'string' | 'number'): Rule {
  return {
    describes: `${member}, if given, a ${type}`,
    check(value) {
      const given = isJsonObject(value) && Object.hasOwn(value, member) ? value[member] : undefined
      const found = typeof given === 'bigint' ? 'number' : typeof given
      return given === undefined || found === type ? undefined : `${member} must be a ${type}`
    },
  }
}
