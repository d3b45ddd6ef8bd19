import { describe, expectTypeOf, test } from 'vitest'
import type { Json } from '../../src/errors.ts'
import { entity, type Row } from '../../src/model/entity.ts'
import { generatedId, integer, oneOf, text } from '../../src/model/field.ts'
import { lifecycle } from '../../src/model/lifecycle.ts'
import type { artifact } from '../../src/systems/skyvern/entities/artifact.ts'
import type { step } from '../../src/systems/skyvern/entities/step.ts'
import type { task } from '../../src/systems/skyvern/entities/task.ts'

// Checked by `npm run typecheck`; at run time these are empty.
describe('the row of an entity is inferred from its declaration', () => {
  type Task = Row<typeof task>

  test('keys and references are texts', () => {
    expectTypeOf<Task['task_id']>().toEqualTypeOf<string>()
    expectTypeOf<Task['organization_id']>().toEqualTypeOf<string>()
  })

  test('a nullable field may be null, another may not', () => {
    expectTypeOf<Task['created_by']>().toEqualTypeOf<string | null>()
    expectTypeOf<Task['url']>().toEqualTypeOf<string>()
    expectTypeOf<Task['completed_at']>().toEqualTypeOf<string | null>()
    expectTypeOf<Task['created_at']>().toEqualTypeOf<string>()
  })

  test('an enumeration is the union of its values', () => {
    type Status = 'created' | 'queued' | 'running' | 'completed' | 'failed' | 'cancelled' | 'terminated'
    expectTypeOf<Task['status']>().toEqualTypeOf<Status>()
    expectTypeOf<Row<typeof step>['step_type']>().toEqualTypeOf<
      'action' | 'validation' | 'extraction' | 'navigation'
    >()
  })

  test('each kind has its own type: JSON, bigint, number, boolean', () => {
    expectTypeOf<Task['navigation_payload']>().toEqualTypeOf<Json | null>()
    expectTypeOf<Row<typeof artifact>['file_size_bytes']>().toEqualTypeOf<bigint | null>()
    expectTypeOf<Row<typeof step>['order']>().toEqualTypeOf<number>()
    expectTypeOf<Row<typeof step>['is_goal_achieved']>().toEqualTypeOf<boolean | null>()
  })

  test('a row is read only and has no other field', () => {
    expectTypeOf<keyof Row<typeof artifact>>().toEqualTypeOf<keyof (typeof artifact)['fields']>()
    expectTypeOf<Task>().not.toHaveProperty('retrying')
    expectTypeOf<Pick<Task, 'url'>>().toEqualTypeOf<{ readonly url: string }>()
  })
})

describe('a declaration that does not hold together is a type error', () => {
  const fields = { id: generatedId('x', 'id'), name: text({ summary: 'name' }), size: integer({ summary: 'size' }) }

  test('lists, keys and uniques name fields that are declared', () => {
    const declare = entity<typeof fields>
    type Declared = Parameters<typeof declare>[0]
    expectTypeOf<Declared['primaryKey']>().toEqualTypeOf<'id' | 'name' | 'size'>()
    expectTypeOf<Declared['list']['columns'][number]>().toEqualTypeOf<'id' | 'name' | 'size'>()
    expectTypeOf<NonNullable<Declared['list']['time']>>().toEqualTypeOf<'id' | 'name' | 'size'>()
  })

  test('transitions name states that are declared', () => {
    const declare = lifecycle<'open' | 'done'>
    type Declared = Parameters<typeof declare>[0]
    expectTypeOf<Declared['initial']>().toEqualTypeOf<'open' | 'done'>()
    expectTypeOf<Declared['transitions'][number]['to']>().toEqualTypeOf<'open' | 'done'>()
  })

  test('values of a text column are the union of those declared', () => {
    const kind = oneOf(['a', 'b'], { summary: 'kind', nullable: true })
    expectTypeOf<Row<{ readonly fields: { readonly kind: typeof kind } }>['kind']>().toEqualTypeOf<'a' | 'b' | null>()
  })
})
