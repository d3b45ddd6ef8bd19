/** What a change does to other rows than the named ones, counted for its plan and for what is said afterwards. */
import type { Entity } from '../model/entity.ts'
import type { Moved } from './audited.ts'

export interface Consequence {
  readonly entity: Entity
  /** Verb of the transition, `create` or `update`. */
  readonly verb: string
  /** The state they enter, of a transition. */
  readonly becomes?: string
  /** The fields that are set, of an update. */
  readonly fields?: readonly string[]
  readonly rows: number
}

/** Counts consequences that are alike together, in the order in which they first happened. */
export class Tally {
  readonly #counts = new Map<string, Consequence>()

  add(consequence: Consequence): void {
    if (consequence.rows === 0) return
    const { entity, verb, becomes, fields } = consequence
    const key = JSON.stringify([entity.name, verb, becomes, fields])
    const rows = (this.#counts.get(key)?.rows ?? 0) + consequence.rows
    this.#counts.set(key, { ...consequence, rows })
  }

  /** Rows that a transition moved, by the state that each one entered. */
  addMoved(entity: Entity, verb: string, moved: readonly Moved[]): void {
    const field = entity.lifecycle?.field ?? ''
    for (const { after } of moved) this.add({ entity, verb, becomes: String(after[field]), rows: 1 })
  }

  addAll(other: Tally): void {
    for (const consequence of other.list()) this.add(consequence)
  }

  list(): readonly Consequence[] {
    return [...this.#counts.values()]
  }
}

/** Where in a change its effects stand: what led here, and what came of it so far. */
export interface Unit {
  /** Rows that are on their way through a transition already, so that declarations in a circle come to an end. */
  readonly taken: ReadonlySet<string>
  /** 0 for what was asked for itself. */
  readonly depth: number
  readonly tally: Tally
}

export function newUnit(tally = new Tally()): Unit {
  return { taken: new Set(), depth: 0, tally }
}
