/** `action reorder`: other places within the workflow, none of them taken twice on the way. */
import type { ReorderOperation } from '../../../model/operation.ts'

export const reorder: ReorderOperation = {
  kind: 'reorder',
  name: 'reorder',
  summary: 'Put the actions of a workflow into another order',
  numbers: 'order_index',
  from: 0,
}
