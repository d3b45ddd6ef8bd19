/** Properties over random graphs: how many, from which seed, and how to meet a counterexample again. */
import process from 'node:process'
import fc from 'fast-check'
import { type Choices, graphChoices, graphOf, outlineOf, type Size } from '../../support/graph-arbitrary.ts'
import { type Graph, graphDdl } from '../../support/graph-schema.ts'

/** Cases to make of a kind: the usual number, times PROOFS_SCALE. */
export function cases(usual: number): number {
  return Math.max(1, Math.round(usual * Number(process.env.PROOFS_SCALE ?? 1)))
}

/** The seed of this run. */
export const SEED = Number(process.env.PROOFS_SEED ?? 20261122)

/** Schemas made by this process: records of earlier ones stay in Steward's tables. */
let number = 0

/** A failing case is tried this many times more in smaller forms. */
const SHRINKING = 60

export interface Proving<T> {
  /** How many cases. */
  readonly runs: number
  readonly size?: Size
  /** Further choices of a case, such as when to kill: shrunk with the graph. */
  readonly extra: fc.Arbitrary<T>
  readonly adapt?: (choices: Choices) => Choices
}

/**
 * Asserts something of random graphs, each in a schema of its own.
 *
 * @throws Error with the smallest counterexample found, and how to run it again
 */
export async function proveForGraphs<T>(
  { runs, size, extra, adapt = (choices) => choices }: Proving<T>,
  holds: (graph: Graph, extra: T) => Promise<void>,
): Promise<void> {
  let tries = -1
  let last: { readonly choices: Choices; readonly error: unknown } | undefined
  const property = fc.asyncProperty(graphChoices(size).map(adapt), extra, async (choices, also) => {
    // fast-check shrinks until nothing smaller fails, which on a real database takes too long.
    if (tries >= SHRINKING) return
    if (tries >= 0) tries++
    try {
      await holds(graphOf(choices, `Graph ${++number}`), also)
    } catch (error) {
      tries = Math.max(tries, 0)
      last = { choices, error }
      throw error
    }
  })
  const path = process.env.PROOFS_PATH
  const result = await fc.check(property, {
    seed: SEED,
    numRuns: runs,
    ...(path === undefined ? {} : { path, endOnFailure: true }),
  })
  if (!result.failed || last === undefined) return
  const graph = graphOf(last.choices, 'counterexample')
  const [, also] = result.counterexample ?? []
  const message = last.error instanceof Error ? (last.error.stack ?? last.error.message) : String(last.error)
  throw new Error(
    [
      `case ${result.numRuns}, after ${result.numShrinks} steps to a smaller one${also === undefined ? '' : `, with ${JSON.stringify(also)}`}:`,
      message,
      outlineOf(graph),
      graphDdl(graph).slice(0, 8000),
      `again: PROOFS_SEED=${result.seed} PROOFS_PATH=${result.counterexamplePath} npm run proofs -- <this file> -t '<this test>'`,
    ].join('\n'),
  )
}

/** @throws Error with every line, in full */
export function expectNone(wrong: readonly string[]): void {
  if (wrong.length > 0) throw new Error(`\n  ${wrong.slice(0, 20).join('\n  ')}`)
}
