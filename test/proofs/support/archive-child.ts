/** A process of its own that archives the graph given as JSON in its argument, to be killed. */
import process from 'node:process'
import type { Endpoint } from '../../../src/config/config.ts'
import type { Graph } from '../../support/graph-schema.ts'
import { archiveGraph, type Running } from './archiving.ts'

export interface Task {
  readonly endpoint: Endpoint
  readonly graph: Graph
  readonly running: Running
}

// Written by the proof that starts it.
const { endpoint, graph, running }: Task = JSON.parse(process.argv[2] ?? '')
await archiveGraph(endpoint, graph, running)
