/**
 * Systems: one platform each, its entities, reports and retention in one value. Features receive a system as an
 * argument and derive everything else from it.
 */
import type { Entity, Fields } from './entity.ts'
import { linkOf } from './field.ts'
import type { Report } from './report.ts'
import type { RetentionRule } from './retention.ts'

/** What a system's schema holds besides the tables and types of its entities; the drift check expects it. */
export interface Support {
  readonly sequences: readonly string[]
  /** With the types of their arguments: `next_id(text)`. */
  readonly functions: readonly string[]
  readonly views?: readonly string[]
}

export interface System {
  /** Also the default schema name. */
  readonly name: string
  readonly title: string
  readonly summary: string
  readonly entities: readonly Entity<Fields>[]
  readonly reports: readonly Report[]
  readonly retention: readonly RetentionRule[]
  readonly support?: Support
  /**
   * Setting by which the database's own audit triggers learn who makes a change: `devflow.actor`. Each transaction of a
   * command that changes the system's rows carries the operating system's user in it.
   */
  readonly actorSetting?: string
  /**
   * Settings of the transactions that archive, restore and purge rows: what the database's own triggers ask for, so that
   * moving a row is not taken for a change of it (`devflow.audit = off`).
   */
  readonly movesWith?: Readonly<Record<string, string>>
  /** What the overview shows first: the entity whose states say how the platform is doing. */
  readonly overview: { readonly entity: string }
}

/** Declares a system. @throws RangeError when a reference names an entity that is not there */
export function system(declared: System): System {
  const names = new Set(declared.entities.map((entity) => entity.name))
  for (const entity of declared.entities) {
    for (const [key, field] of Object.entries(entity.fields)) {
      const link = linkOf(field)
      if (link && !names.has(link.entity)) {
        throw new RangeError(`${declared.name}.${entity.name}.${key} refers to no entity ${link.entity}`)
      }
      if (field.projectionOf !== undefined && !names.has(field.projectionOf)) {
        throw new RangeError(`${declared.name}.${entity.name}.${key} is made of no entity ${field.projectionOf}`)
      }
    }
  }
  return declared
}

/** The entity of this name, singular or plural, or of this alias; undefined when there is none. */
export function entityNamed(declared: System, name: string): Entity | undefined {
  return declared.entities.find(
    (entity) => entity.name === name || entity.plural === name || entity.aliases.includes(name),
  )
}

/** A way from one entity to another over a declared link. */
export interface Relation {
  /** Name for `--include`: the plural of the child, or the parent's name (its field where two lead to one parent). */
  readonly name: string
  readonly kind: 'many' | 'one'
  readonly entity: Entity
  /** Field of the child that holds the key. */
  readonly via: string
}

/** Every relation of an entity, children first, derived from the links of the whole system. */
export function relationsOf(declared: System, entity: Entity): Relation[] {
  const children = declared.entities.flatMap((child) =>
    Object.entries(child.fields)
      .filter(([, field]) => linkOf(field)?.entity === entity.name)
      .map(
        ([via], index): Relation => ({
          name: index === 0 ? child.plural : `${child.plural}-by-${via.replaceAll('_', '-')}`,
          kind: 'many',
          entity: child,
          via,
        }),
      ),
  )
  const parents = Object.entries(entity.fields).flatMap(([via, field]): Relation[] => {
    const link = linkOf(field)
    const parent = link && entityNamed(declared, link.entity)
    return parent ? [{ name: via.replace(/_id$/, '').replaceAll('_', '-'), kind: 'one', entity: parent, via }] : []
  })
  return [...children, ...parents]
}
