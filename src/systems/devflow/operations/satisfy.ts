/** `dependency satisfy`: lets the dependent go on although its dependency is not finished. */
import type { AssignOperation } from '../../../model/operation.ts'

export const satisfy: AssignOperation = {
  kind: 'assign',
  name: 'satisfy',
  summary: 'Call the dependency satisfied, finished or not, so that it holds nobody up',
  when: { is_satisfied: false },
  set: { is_satisfied: true },
  stamps: ['satisfied_at'],
  otherwise: 'is already satisfied',
}
