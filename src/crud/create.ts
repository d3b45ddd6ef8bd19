/** Creating rows: rules, numbers, secrets, the insert, its audit entries and its effects, all in one transaction. */
import { type Actor, recordAudit } from '../db/audit.ts'
import type { Database, Transaction } from '../db/database.ts'
import { type Problem, RefusedError } from '../errors.ts'
import type { Cells } from '../model/column.ts'
import { auditEntry } from './audited.ts'
import type { Candidate } from './candidate.ts'
import { newUnit, type Unit } from './consequences.ts'
import { checkParents } from './creation.ts'
import { refuseInput, type Values } from './input.ts'
import { insertRows } from './insert.ts'
import { numbered, numberedFields } from './numbering.ts'
import { underSavepoint } from './savepoint.ts'
import type { Scope } from './scope.ts'
import { issueSecret, SECRET_COLUMN } from './secrets.ts'
import { unitOfWork } from './unit-of-work.ts'
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
  return unitOfWork(db, dryRun, async (transaction) => {
    // Writing adds to candidates, and each try begins anew.
    const tried = candidates.map((candidate) => ({ ...candidate, problems: [...candidate.problems] }))
    const rows = await writeCandidates(transaction, scope, tried, actor)
    refuseInput(scope.entity, scope.entity.createdAs ?? 'create', tried.flatMap(problemsOf))
    return rows.filter((row) => row !== undefined)
  })
}

/**
 * Writes the candidates that nothing speaks against. What is refused by a rule, by the database or by an effect of its
 * creation gets its problems; the others are inserted and audited, and have their effects.
 *
 * @param unit the change that this is an effect of
 * @returns the stored row of each candidate, undefined for those that were refused
 */
export async function writeCandidates(
  transaction: Transaction,
  scope: Scope,
  candidates: readonly Candidate[],
  actor: Actor,
  unit: Unit = newUnit(),
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
  const stored = await insertSound({ transaction, scope, actor, unit }, sound)
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

interface Work {
  readonly transaction: Transaction
  readonly scope: Scope
  readonly actor: Actor
  readonly unit: Unit
}

/** Inserts together what goes in together; a refused set is halved until the rows at fault stand alone. */
async function insertSound(work: Work, candidates: readonly Candidate[]): Promise<Map<Candidate, Cells>> {
  const [first] = candidates
  if (first === undefined) return new Map()
  try {
    const rows = await insertNumbered(work, candidates)
    return new Map(
      candidates.flatMap((candidate, index): [Candidate, Cells][] => {
        const row = rows[index]
        return row ? [[candidate, row]] : []
      }),
    )
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error
    if (candidates.length === 1) {
      first.problems.push(problemOf(work.scope.entity, error, first.values) ?? { reason: error.message })
      return new Map()
    }
    const middle = Math.ceil(candidates.length / 2)
    return new Map([
      ...(await insertSound(work, candidates.slice(0, middle))),
      ...(await insertSound(work, candidates.slice(middle))),
    ])
  }
}

async function insertNumbered(work: Work, candidates: readonly Candidate[]): Promise<readonly Cells[]> {
  const { transaction, scope } = work
  const assigned = numberedFields(scope.entity).some(({ key }) =>
    candidates.some(({ values }) => values[key] === undefined),
  )
  for (let collisions = 0; ; collisions++) {
    try {
      return await underSavepoint(transaction, async () => {
        const values: readonly Values[] = await numbered(transaction, scope, candidates)
        const rows = await insertRows(transaction, scope, values)
        await follow(work, candidates, rows)
        return rows
      })
    } catch (error) {
      if (!assigned || collisions === MOST_COLLISIONS || !isNumberTaken(scope.entity, error)) throw error
    }
  }
}

/** What creating rows brings with it: their audit entries, then what their entity declares (`onCreate`). */
async function follow(
  { transaction, scope, actor, unit }: Work,
  candidates: readonly Candidate[],
  rows: readonly Cells[],
): Promise<void> {
  await recordAudit(
    transaction,
    actor,
    rows.map((row) => auditEntry(scope, 'create', null, row)),
  )
  const { onCreate } = scope.entity
  if (onCreate.length === 0) return
  const { applyEffects } = await import('./effects.ts')
  const affected = rows.map((row, index) => ({ row, given: candidates[index]?.values ?? {} }))
  await applyEffects(transaction, scope, onCreate, affected, actor, unit)
}
