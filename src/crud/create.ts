/** Creating rows: rules, numbers, secrets, the insert and its audit entries, all in one transaction. */
import { type Actor, recordAudit } from '../db/audit.ts'
import type { Database, Transaction } from '../db/database.ts'
import { type Problem, RefusedError } from '../errors.ts'
import type { Cells } from '../model/column.ts'
import { auditEntry } from './audited.ts'
import type { Candidate } from './candidate.ts'
import { checkParents } from './creation.ts'
import { refuseInput, type Values } from './input.ts'
import { insertRows } from './insert.ts'
import { numbered, numberedFields } from './numbering.ts'
import { rollingBack } from './rehearsal.ts'
import { underSavepoint } from './savepoint.ts'
import type { Scope } from './scope.ts'
import { issueSecret, SECRET_COLUMN } from './secrets.ts'
import { isNumberTaken, problemOf } from './violations.ts'

/** A collision means that another writer finished, so this many in a row are practically impossible. */
const MOST_COLLISIONS = 100

export interface CreateOptions {
  readonly actor: Actor
  /** Do everything, show the result, and roll it back. */
  readonly dryRun?: boolean
}

/**
 * Creates rows, all or none.
 *
 * @returns the stored rows in the order given; a new secret is in the column `secret`
 * @throws RefusedError (exit 5) with every problem of every row
 */
export function createRows(
  db: Database,
  scope: Scope,
  candidates: readonly Candidate[],
  { actor, dryRun = false }: CreateOptions,
): Promise<Cells[]> {
  return rollingBack(db, dryRun, async (transaction) => {
    const rows = await writeCandidates(transaction, scope, candidates, actor)
    refuseInput(scope.entity, 'create', candidates.flatMap(problemsOf))
    return rows.filter((row) => row !== undefined)
  })
}

/**
 * Writes the candidates that nothing speaks against. What is refused by a rule or by the database gets its problems;
 * the others are inserted and audited.
 *
 * @returns the stored row of each candidate, undefined for those that were refused
 */
export async function writeCandidates(
  transaction: Transaction,
  scope: Scope,
  candidates: readonly Candidate[],
  actor: Actor,
): Promise<(Cells | undefined)[]> {
  const { entity } = scope
  await checkParents(transaction, scope, candidates)
  const secrets = new Map<Candidate, string>()
  for (const candidate of candidates) {
    if (!entity.issues) break
    const { secret, values } = issueSecret(entity.issues)
    secrets.set(candidate, secret)
    candidate.values = { ...candidate.values, ...values }
  }
  const sound = candidates.filter(({ problems }) => problems.length === 0)
  const stored = await insertSound(transaction, scope, sound)
  await recordAudit(
    transaction,
    actor,
    [...stored.values()].map((row) => auditEntry(scope, 'create', null, row)),
  )
  return candidates.map((candidate) => {
    const row = stored.get(candidate)
    const secret = secrets.get(candidate)
    return row && secret !== undefined ? { ...row, [SECRET_COLUMN]: secret } : row
  })
}

/** The problems of a candidate with the line it came from. */
export function problemsOf({ line, problems }: Candidate): readonly Problem[] {
  return line === undefined ? problems : problems.map((problem) => ({ ...problem, line }))
}

/** Inserts together what goes in together; a refused set is halved until the rows at fault stand alone. */
async function insertSound(
  transaction: Transaction,
  scope: Scope,
  candidates: readonly Candidate[],
): Promise<Map<Candidate, Cells>> {
  const [first] = candidates
  if (first === undefined) return new Map()
  try {
    const rows = await insertNumbered(transaction, scope, candidates)
    return new Map(
      candidates.flatMap((candidate, index): [Candidate, Cells][] => {
        const row = rows[index]
        return row ? [[candidate, row]] : []
      }),
    )
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error
    if (candidates.length === 1) {
      first.problems.push(problemOf(scope.entity, error, first.values) ?? { reason: error.message })
      return new Map()
    }
    const middle = Math.ceil(candidates.length / 2)
    return new Map([
      ...(await insertSound(transaction, scope, candidates.slice(0, middle))),
      ...(await insertSound(transaction, scope, candidates.slice(middle))),
    ])
  }
}

async function insertNumbered(
  transaction: Transaction,
  scope: Scope,
  candidates: readonly Candidate[],
): Promise<readonly Cells[]> {
  const assigned = numberedFields(scope.entity).some(({ key }) =>
    candidates.some(({ values }) => values[key] === undefined),
  )
  for (let collisions = 0; ; collisions++) {
    try {
      return await underSavepoint(transaction, async () => {
        const rows: readonly Values[] = await numbered(transaction, scope, candidates)
        return insertRows(transaction, scope, rows)
      })
    } catch (error) {
      if (!assigned || collisions === MOST_COLLISIONS || !isNumberTaken(scope.entity, error)) throw error
    }
  }
}
