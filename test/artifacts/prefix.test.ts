import { expect, test } from 'vitest'
import { chooseStore, constantPart, fillPrefix, layoutOf } from '../../src/artifacts/prefix.ts'
import { FileStore } from '../../src/storage/file-store.ts'

const TEMPLATE = 'users/{user_id}/tasks/{task_id}/inputs/'
const TASK = '00000000-0000-4000-8000-000000000001'

test('a prefix is made of ids', () => {
  expect(fillPrefix(TEMPLATE, { user_id: '1', task_id: TASK })).toEqual({ prefix: `users/1/tasks/${TASK}/inputs/` })
})

test.each(['', '.', '..', '*', 'a/b', '../2', 'a b', 'a%2fb', '-', 'ü', 'a\n', 'a\0', 'x'.repeat(129)])(
  'a field that is %j never becomes part of one',
  (value) => {
    expect(fillPrefix(TEMPLATE, { user_id: value, task_id: TASK })).toHaveProperty('refused')
    expect(fillPrefix(TEMPLATE, { user_id: '1', task_id: value })).toHaveProperty('refused')
  },
)

test('neither does one that is NULL, nor does a template that is no folder', () => {
  expect(fillPrefix(TEMPLATE, { user_id: null, task_id: TASK })).toHaveProperty('refused')
  expect(fillPrefix('users/{user_id}', { user_id: '1' })).toHaveProperty('refused')
  expect(fillPrefix('/{user_id}/', { user_id: '1' })).toHaveProperty('refused')
})

test('all below the folder of the last field belongs to the row', () => {
  const { pattern, fields } = layoutOf(TEMPLATE)
  expect(fields).toEqual(['user_id', 'task_id'])
  expect(pattern.exec(`users/1/tasks/${TASK}/logs/x`)?.slice(1)).toEqual(['1', TASK])
  expect(pattern.exec(`users/1/tasks/${TASK}/`)).toBeNull()
  expect(pattern.exec(`x/users/1/tasks/${TASK}/a`)).toBeNull()
  expect(constantPart(TEMPLATE)).toBe('users/')
})

test('a store is chosen by its name, or because there is no other', () => {
  const store = (name: string) => new FileStore({ name, url: `file:///srv/${name}` })
  const [own, other, cold] = [store('agensium'), store('artifacts'), store('cold')]
  expect(chooseStore([other, own], 'agensium', undefined)).toEqual({ store: own, named: true })
  expect(chooseStore([other], 'agensium', undefined)).toEqual({ store: other, named: false })
  expect(chooseStore([other, cold], 'agensium', 'cold')).toEqual({ store: other, named: false })
  expect(chooseStore([other, cold], 'agensium', undefined)).toHaveProperty('refused')
  expect(chooseStore([], 'agensium', undefined)).toHaveProperty('refused')
})
