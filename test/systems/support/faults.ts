/** What a declaration names and no declaration has: texts that say where, none when all is well. */
import type { Effect, Link, Source, Sources } from '../../../src/model/effect.ts'
import type { Entity } from '../../../src/model/entity.ts'
import type { Operation } from '../../../src/model/operation.ts'
import { entityNamed, type System } from '../../../src/model/system.ts'

/** Gathers the names that are not there. */
export class Faults {
  readonly found: string[] = []
  readonly system: System

  constructor(system: System) {
    this.system = system
  }

  entity(name: string, where: string): Entity | undefined {
    const entity = this.system.entities.find((each) => each.name === name)
    if (entity === undefined) this.found.push(`${where}: there is no entity ${name}`)
    return entity
  }

  fields(entity: Entity | undefined, names: Iterable<string | undefined>, where: string): void {
    if (entity === undefined) return
    for (const name of names) {
      if (name !== undefined && !Object.hasOwn(entity.fields, name)) {
        this.found.push(`${where}: ${entity.name} has no field ${name}`)
      }
    }
  }

  verb(entity: Entity | undefined, verb: string | undefined, where: string): void {
    if (entity === undefined || verb === undefined) return
    if (entity.lifecycle?.transitions.some((transition) => transition.verb === verb)) return
    this.found.push(`${where}: ${entity.name} has no transition ${verb}`)
  }

  /** @param given names of the values that are given where the effects happen */
  effects(entity: Entity, effects: readonly Effect[], given: readonly string[], where: string): void {
    for (const effect of effects) {
      if (effect.when && !given.includes(effect.when.given)) {
        this.found.push(`${where}: nothing gives ${effect.when.given}`)
      }
      if ('insert' in effect) {
        const target = this.entity(effect.insert, where)
        this.fields(target, Object.keys(effect.values), where)
        this.#sources(entity, effect.values, given, where)
      } else {
        const target = this.#linked(entity, effect.of, where)
        if ('move' in effect) {
          this.verb(target, effect.move, where)
          this.#sources(entity, effect.values ?? {}, given, where)
        } else {
          this.fields(target, [...Object.keys(effect.set), ...(effect.stamps ?? [])], where)
          this.#sources(entity, effect.set, given, where)
        }
      }
    }
  }

  #sources(entity: Entity, sources: Sources, given: readonly string[], where: string): void {
    for (const source of Object.values<Source>(sources)) {
      if ('row' in source) this.fields(entity, [source.row], where)
      if ('given' in source && !given.includes(source.given))
        this.found.push(`${where}: nothing gives ${source.given}`)
    }
  }

  #linked(entity: Entity, link: Link, where: string): Entity | undefined {
    if ('self' in link) return entity
    if ('parent' in link) {
      this.fields(entity, [link.parent], where)
      const reference = entity.fields[link.parent]?.reference
      if (reference === undefined) this.found.push(`${where}: ${link.parent} refers to nothing`)
      return reference && this.entity(reference.entity, where)
    }
    const target = this.entity(link.entity, where)
    this.fields(target, [link.via, ...Object.keys(link.where ?? {})], where)
    this.fields(entity, [link.equals], where)
    return target
  }
}

/** What an entity names besides its lifecycle, operations and effects. */
export function entityFaults(system: System, entity: Entity): string[] {
  const faults = new Faults(system)
  const at = entity.name
  const { list, softDelete, derived, graph, ledger, file, issues, partitionedBy } = entity
  faults.fields(
    entity,
    [
      entity.primaryKey,
      entity.handle,
      ...list.columns,
      ...list.search,
      ...list.sort.split(',').map((key) => key.replace(/^-/, '')),
      list.time,
      list.tags,
      ...entity.checks.flatMap(({ fields }) => fields),
      ...entity.uniques.flatMap(({ fields }) => fields),
      ...indexedColumns(entity),
      softDelete?.field,
      ...(softDelete?.only ?? []).map(({ field }) => field),
      partitionedBy?.field,
      derived?.field,
      ...Object.values(derived?.matching ?? {}),
      ledger?.balance,
      ledger?.equals,
      file?.uri,
      file?.bytes,
      issues?.hash,
      issues?.prefix,
      ...[graph?.from, graph?.to, graph?.kind, graph?.satisfied?.flag, graph?.satisfied?.at],
    ],
    at,
  )
  if (derived !== undefined) {
    const source = faults.entity(derived.from, `${at} derived`)
    faults.fields(
      source,
      [derived.collects, ...Object.keys(derived.matching), ...Object.keys(derived.where ?? {})],
      at,
    )
  }
  if (ledger !== undefined) {
    faults.fields(faults.entity(ledger.entries, `${at} ledger`), [ledger.via, ledger.amount, ledger.type], at)
  }
  if (graph !== undefined) {
    const nodes = faults.entity(graph.nodes, `${at} graph`)
    faults.fields(nodes, [graph.label, graph.weight], `${at} graph`)
    for (const verb of [graph.block, graph.release]) faults.verb(nodes, verb, `${at} graph`)
    values(faults, entity, graph.kind, graph.blocking, `${at} graph`)
    if (nodes?.lifecycle) values(faults, nodes, nodes.lifecycle.field, graph.finished, `${at} graph`)
  }
  for (const { via, matches, validates } of entity.creation) {
    faults.fields(entity, [via, ...Object.keys(matches ?? {}), validates?.field], `${at} creation`)
    const parent = entity.fields[via]?.reference?.entity
    if (parent === undefined) faults.found.push(`${at} creation: ${via} refers to nothing`)
    else
      faults.fields(
        faults.entity(parent, at),
        [...Object.values(matches ?? {}), validates?.against],
        `${at} creation`,
      )
  }
  const given = Object.keys(entity.fields)
  faults.effects(entity, entity.onCreate, given, `${at} onCreate`)
  return faults.found
}

/** What transitions name. */
export function lifecycleFaults(system: System, entity: Entity): string[] {
  const faults = new Faults(system)
  const { lifecycle } = entity
  for (const transition of lifecycle?.transitions ?? []) {
    const at = `${entity.name} ${transition.verb}`
    const { takes = {}, inputs = {}, instead, claims } = transition
    const given = [...Object.keys(takes), ...Object.keys(inputs)]
    for (const way of [transition, ...(instead ? [instead] : [])]) {
      const { clears = [], increments = [], sets = {}, effects = [], to } = way
      faults.fields(entity, [...clears, ...increments, ...Object.keys(sets)], at)
      faults.effects(entity, effects, given, at)
      values(faults, entity, lifecycle?.field ?? '', [to], at)
    }
    values(faults, entity, lifecycle?.field ?? '', transition.from, at)
    faults.fields(
      entity,
      [
        ...Object.keys(takes),
        instead?.when.field,
        instead?.when.isBelow,
        ...(claims?.order ?? '')
          .split(',')
          .filter(Boolean)
          .map((key) => key.replace(/^-/, '')),
        ...(claims?.by ?? []),
        claims?.notAfter,
        ...(claims?.parents ?? []).map(({ via }) => via),
      ],
      at,
    )
    for (const { via, is } of claims?.parents ?? []) {
      faults.fields(faults.entity(entity.fields[via]?.reference?.entity ?? '', at), Object.keys(is), at)
    }
  }
  return faults.found
}

/** What an operation names. */
export function operationFaults(system: System, entity: Entity, operation: Operation): string[] {
  const faults = new Faults(system)
  const at = `${entity.name} ${operation.name}`
  switch (operation.kind) {
    case 'assign': {
      const {
        takes = {},
        inputs = {},
        stamps = [],
        clears = [],
        increments = [],
        exclusive,
        effects = [],
      } = operation
      faults.fields(entity, Object.keys({ ...operation.when, ...operation.unless, ...operation.set, ...takes }), at)
      faults.fields(entity, [...stamps, ...clears, ...increments], at)
      faults.fields(entity, [...(exclusive?.within ?? []), ...Object.keys(exclusive?.resets ?? {})], at)
      faults.effects(entity, effects, [...Object.keys(takes), ...Object.keys(inputs)], at)
      break
    }
    case 'copy': {
      const { numbers, links, takes, leaves = [], increments = [], when, resets, retires } = operation
      faults.fields(entity, [numbers, links, ...takes, ...leaves, ...increments], at)
      faults.fields(entity, Object.keys({ ...when, ...resets, ...retires }), at)
      break
    }
    case 'logs': {
      const lines = faults.entity(operation.entity, at)
      const { via, level, message, time, beside } = operation
      faults.fields(lines, [via, level, message, time, beside], at)
      break
    }
    case 'reorder':
      faults.fields(entity, [operation.numbers], at)
      break
    case 'sweep':
      faults.fields(entity, [operation.age.field], at)
      faults.verb(entity, operation.moves, at)
      values(faults, entity, entity.lifecycle?.field ?? '', operation.from ?? [], at)
      break
    case 'post': {
      const entries = entity.ledger && faults.entity(entity.ledger.entries, at)
      faults.fields(entries, [...Object.keys(operation.takes), ...(operation.once ?? [])], at)
      if (entries && entity.ledger) values(faults, entries, entity.ledger.type, [operation.type], at)
      break
    }
    case 'reconcile': {
      const entries = entity.ledger && faults.entity(entity.ledger.entries, at)
      if (entries && entity.ledger) values(faults, entries, entity.ledger.type, [operation.repairType], at)
      break
    }
    case 'replay':
      faults.fields(entity, [operation.type, operation.payload, operation.processedAt, operation.error], at)
      for (const handler of Object.values(operation.handlers)) {
        const target = faults.entity(handler.entity, at)
        const found = target?.operations.some(({ kind, name }) => kind === 'post' && name === handler.operation)
        if (!found) faults.found.push(`${at}: ${handler.entity} has no operation ${handler.operation}`)
      }
      break
    case 'thread':
      faults.fields(entity, [operation.by, operation.parent, ...operation.author, operation.text, operation.time], at)
      break
    case 'versions':
      faults.fields(faults.entity(operation.entity, at), [operation.via, operation.number, ...operation.compares], at)
      break
    case 'rotate':
      faults.fields(entity, [operation.field], at)
      if (entity.fields[operation.field]?.sealed === undefined) faults.found.push(`${at}: is not sealed`)
      break
  }
  return faults.found
}

/** What retention rules name. */
export function retentionFaults(system: System): string[] {
  const faults = new Faults(system)
  for (const rule of system.retention) {
    const at = `retention ${rule.name}`
    const entity = faults.entity(rule.entity, at)
    const { only = {}, except = {}, unlessActive = [], files } = rule
    faults.fields(entity, [...[rule.ageOf].flat(), ...Object.keys({ ...only, ...except }), ...unlessActive], at)
    faults.fields(entity, [...Object.keys(rule.values ?? {}), files?.cleanedAt], at)
    faults.verb(entity, rule.transition, at)
    if (entity === undefined) continue
    for (const [key, listed] of Object.entries({ ...only, ...except })) values(faults, entity, key, listed, at)
    for (const key of unlessActive) {
      // What keeps a row is a parent that can be active, and not every parent has a lifecycle.
      const parent = entityNamed(system, entity.fields[key]?.reference?.entity ?? '')
      if (!Object.values(parent?.lifecycle?.states ?? {}).includes('active')) {
        faults.found.push(`${at}: ${key} leads to nothing that can be active`)
      }
    }
  }
  return faults.found
}

/** What reports name. */
export function reportFaults(system: System): string[] {
  const faults = new Faults(system)
  for (const report of system.reports) {
    for (const [name, { names }] of Object.entries(report.parameters)) {
      if (names) faults.fields(faults.entity(names.entity, report.name), [names.label], `${report.name} ${name}`)
    }
    for (const { key, columns, shown = [], chart } of report.sections) {
      const keys = columns.map((column) => column.key)
      for (const name of [...shown, ...(chart ? [chart.x, ...chart.y] : [])]) {
        if (!keys.includes(name)) faults.found.push(`${report.name} ${key}: has no column ${name}`)
      }
    }
  }
  return faults.found
}

/** Columns that indexes are on; expressions and the full-text column are none of the fields. */
function indexedColumns({ indexes, fullText }: Entity): string[] {
  return indexes
    .flatMap(({ on }) => on.map((column) => column.replace(/( DESC)?( NULLS (FIRST|LAST))?$/, '')))
    .filter((column) => !/\W/.test(column) && column !== fullText?.column)
}

/** Values that an enumeration does not have. Other fields may have any. */
function values(faults: Faults, entity: Entity, key: string, listed: readonly string[], where: string): void {
  const legal = entity.fields[key]?.values
  if (legal === undefined) return
  for (const value of listed) {
    if (!legal.includes(value)) faults.found.push(`${where}: ${key} is never ${value}`)
  }
}
