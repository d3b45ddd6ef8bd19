/** The migrated schema is what the entities declare, no more and no less. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { indexes as indexesOf } from '../../src/db/catalog.ts'
import { skyvern } from '../../src/systems/skyvern/index.ts'
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts'
import { describeCatalog, describeIndex } from './support/catalog.ts'
import { describeDeclarations } from './support/declared.ts'
import type { SchemaDescription } from './support/description.ts'
import { migrateSkyvern } from './support/migrate.ts'

let database: TestDatabase
let catalog: SchemaDescription

beforeAll(async () => {
  database = await createEmptyDatabase()
  await migrateSkyvern(database.endpoint, 'skyvern', 'up')
  catalog = await describeCatalog(database.db, 'skyvern')
})
afterAll(() => database?.drop())

const declared = describeDeclarations(skyvern, 'skyvern')

describe('the migrated schema', () => {
  it('has exactly the declared tables', () => {
    expect(Object.keys(catalog.tables).sort()).toEqual(Object.keys(declared.tables).sort())
  })

  it.each(Object.keys(declared.tables))('has %s as declared: columns, keys, checks, indexes, triggers', (table) => {
    expect(catalog.tables[table]).toEqual(declared.tables[table])
  })

  it('has exactly the declared enum types, labels in order', () => {
    expect(catalog.types).toEqual(declared.types)
  })

  it('has exactly the declared sequences and functions, and nothing else', () => {
    const { sequences, functions, others } = catalog
    expect({ sequences, functions, others }).toEqual({
      sequences: declared.sequences,
      functions: declared.functions,
      others: [],
    })
  })

  it('gives every foreign key an index that leads with it, and no index twice', async () => {
    const indexes = (await indexesOf(database.db, 'skyvern')).filter(({ valid }) => valid)
    const faults: string[] = []
    for (const [name, { foreignKeys }] of Object.entries(catalog.tables)) {
      const own = indexes.filter(({ table }) => table === name).map(describeIndex)
      for (const column of Object.keys(foreignKeys)) {
        const leads = own.some(({ on, where }) => on[0] === column && where === null)
        if (!leads) faults.push(`${name}.${column} has no index`)
      }
      const shapes = own.map(({ on, method, where }) => JSON.stringify({ on, method, where }))
      const twice = shapes.filter((shape, place) => shapes.indexOf(shape) !== place)
      faults.push(...twice.map((shape) => `${name} has twice ${shape}`))
    }
    expect(faults).toEqual([])
  })

  it('has every index that the document names, but for those that repeat a constraint', () => {
    const present = Object.values(catalog.tables).flatMap(({ indexes, uniques }) => [
      ...Object.keys(indexes),
      ...Object.keys(uniques),
    ])
    // ix_organizations_name repeats the name's unique constraint, ix_steps_order repeats ix_steps_task_order.
    const documented = `
      ix_organizations_domain ix_organizations_active
      ix_tasks_organization_id ix_tasks_status ix_tasks_created_at ix_tasks_created_by ix_tasks_status_org
      ix_steps_task_id ix_steps_status ix_steps_created_at
      ix_workflows_organization_id ix_workflows_permanent_id ix_workflows_active ix_workflows_created_by
      ix_workflow_runs_workflow_id ix_workflow_runs_organization_id ix_workflow_runs_status
      ix_workflow_runs_created_at
      ix_actions_step_id ix_actions_action_type ix_actions_created_at
      ix_artifacts_task_id ix_artifacts_step_id ix_artifacts_workflow_run_id ix_artifacts_organization_id
      ix_artifacts_artifact_type ix_artifacts_created_at
      ix_tasks_organization_status ix_tasks_created_at_desc ix_tasks_status_completed_at
      ix_steps_task_order ix_steps_status_task
      ix_workflow_runs_workflow_status ix_workflow_runs_org_created
      ix_artifacts_type_created ix_artifacts_org_size
      ix_tasks_org_status_created ix_steps_task_status_order ix_workflow_runs_status_started
      ix_tasks_totp_identifier`
    expect(present).toEqual(expect.arrayContaining(documented.trim().split(/\s+/)))
  })
})
