/** `project archive` and `project unarchive` (decision 55): an archived project takes no new work and keeps its history. */
import type { AssignOperation } from '../../../model/operation.ts'

export const archive: AssignOperation = {
  kind: 'assign',
  name: 'archive',
  summary: 'Close the project to new tasks and pull requests; what it has stays',
  when: { archived_at: null },
  set: {},
  stamps: ['archived_at'],
  otherwise: 'is already archived',
  ends: true,
}

export const unarchive: AssignOperation = {
  kind: 'assign',
  name: 'unarchive',
  summary: 'Open an archived project to new work again',
  when: {},
  unless: { archived_at: null },
  set: {},
  clears: ['archived_at'],
  otherwise: 'is not archived',
}
