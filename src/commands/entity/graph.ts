/** The verbs of an entity whose rows are edges of a dependency graph: add, remove and graph. */
import type { Entity, Graph } from '../../model/entity.ts'
import { entityNamed, type System } from '../../model/system.ts'
import type { Command } from '../command.ts'
import { graphAddCommand } from './graph-add.ts'
import { graphRemoveCommand } from './graph-remove.ts'
import { graphShowCommand } from './graph-show.ts'

/** What the commands of one graph share. */
export interface GraphWords {
  readonly system: System
  /** The entity of the edges. */
  readonly entity: Entity
  readonly graph: Graph
  /** The entity of the nodes. */
  readonly nodes: Entity
}

/** The commands; none for an entity that declares no graph. */
export function graphCommands(system: System, entity: Entity): Command[] {
  const { graph } = entity
  const nodes = graph && entityNamed(system, graph.nodes)
  if (!graph || !nodes) return []
  const words: GraphWords = { system, entity, graph, nodes }
  return [graphAddCommand(words), graphRemoveCommand(words), graphShowCommand(words)]
}
