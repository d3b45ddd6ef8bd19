/** Why a field may not be set by a verb, and what changes it instead. */
import type { Entity } from '../model/entity.ts'
import { isSettableAt } from '../model/field.ts'
import { endFieldOf } from '../model/lifecycle.ts'
import type { Operation } from '../model/operation.ts'
import { fieldOf } from './scope.ts'

/** `create` also stands for import; `update` for `--edit`. */
export type Purpose = 'create' | 'update'

/** Fields that a verb may set, in declared order. */
export function settableFields(entity: Entity, purpose: Purpose): string[] {
  return Object.keys(entity.fields).filter((key) => whyNotSettable(entity, key, purpose) === undefined)
}

/**
 * The reason why a field cannot be set, saying which verb does it; undefined when it can.
 *
 * @param key a declared field
 */
export function whyNotSettable(entity: Entity, key: string, purpose: Purpose): string | undefined {
  const field = fieldOf(entity, key)
  if (isSettableAt(field, purpose)) return undefined
  if (field.settable === 'update') {
    const verbs = [...(entity.verbs.includes('update') ? ['update'] : []), ...verbsThatTouch(entity, key)]
    return `is not known at creation; it is set by ${list(entity, verbs)}`
  }
  if (field.settable === 'create') {
    const verbs = verbsThatTouch(entity, key)
    if (verbs.length > 0) return `is set at creation, and changed by ${list(entity, verbs)}`
    const copies = entity.operations.filter((operation) => operation.kind === 'copy' && operation.takes.includes(key))
    return `is set at creation only${changedBy('; to have another, use', entity, copies)}`
  }
  return whyNever(entity, key, purpose)
}

function whyNever(entity: Entity, key: string, purpose: Purpose): string {
  const { lifecycle, issues, softDelete } = entity
  const field = fieldOf(entity, key)
  if (field.generated !== undefined) return 'is computed from other fields'
  if (softDelete?.field === key) return `is changed by ${list(entity, ['delete', 'restore'])}`
  if (lifecycle?.field === key) {
    const changed = `changed by ${list(
      entity,
      lifecycle.transitions.filter(({ internal }) => !internal).map(({ verb }) => verb),
    )}`
    return purpose === 'create' ? `starts as ${lifecycle.initial} and is ${changed}` : `is ${changed}`
  }
  if (field.numberedWithin) {
    const within = `is assigned: the next number within ${field.numberedWithin.join(' and ')}`
    const moves = entity.operations.filter((operation) => operation.kind === 'reorder' && operation.numbers === key)
    return purpose === 'create' ? within : `${within}${changedBy('; it is changed by', entity, moves)}`
  }
  if (issues && (issues.hash === key || issues.prefix === key))
    return 'is derived from the secret that creation makes'
  if (key === entity.primaryKey) return 'is assigned by the database'
  const verbs = verbsThatTouch(entity, key)
  if (verbs.length > 0) return `is changed by ${list(entity, verbs)}`
  const copies = entity.operations.filter(
    (operation) =>
      operation.kind === 'copy' && (operation.links === key || operation.increments?.includes(key) === true),
  )
  return copies.length === 0 ? 'is kept by the database' : `is set${changedBy(' by', entity, copies)}`
}

/** The verbs that write this field of a row that exists. */
function verbsThatTouch(entity: Entity, key: string): string[] {
  const operations = entity.operations.filter((operation) => touches(entity, operation, key))
  return [...new Set([...transitionsThatTouch(entity, key), ...operations.map(({ name }) => name)])]
}

function transitionsThatTouch(entity: Entity, key: string): string[] {
  const { lifecycle } = entity
  if (!lifecycle) return []
  return lifecycle.transitions
    .filter(({ internal }) => !internal)
    .filter(
      (transition) =>
        Object.hasOwn(transition.takes ?? {}, key) ||
        [transition, ...(transition.instead ? [transition.instead] : [])].some(
          ({ sets = {}, clears = [], increments = [], to }) =>
            Object.hasOwn(sets, key) ||
            clears.includes(key) ||
            increments.includes(key) ||
            lifecycle.stamps[to] === key ||
            endFieldOf(lifecycle, to) === key,
        ),
    )
    .map(({ verb }) => verb)
}

function touches({ ledger }: Entity, operation: Operation, key: string): boolean {
  switch (operation.kind) {
    case 'assign': {
      const { set, takes = {}, stamps = [], clears = [], increments = [], exclusive } = operation
      return (
        [set, takes, exclusive?.resets ?? {}].some((values) => Object.hasOwn(values, key)) ||
        [...stamps, ...clears, ...increments].includes(key)
      )
    }
    case 'post':
      return ledger?.balance === key
    case 'replay':
      return operation.processedAt === key || operation.error === key
    case 'rotate':
      return operation.field === key
    default:
      return false
  }
}

function changedBy(words: string, entity: Entity, operations: readonly { readonly name: string }[]): string {
  return operations.length === 0
    ? ''
    : `${words} ${list(
        entity,
        operations.map(({ name }) => name),
      )}`
}

function list(entity: Entity, verbs: readonly string[]): string {
  return `${entity.name} ${[...new Set(verbs)].join(', ')}`
}
