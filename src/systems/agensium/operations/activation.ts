/** `activate` and `deactivate`, for users and for prices of agents. */
import type { AssignOperation } from '../../../model/operation.ts'

/**
 * @param what the noun for the summaries
 * @param consequence what deactivating means, a clause without a full stop
 */
export function activation(what: string, consequence: string): readonly [AssignOperation, AssignOperation] {
  return [
    {
      kind: 'assign',
      name: 'activate',
      summary: `Make the ${what} active again`,
      when: { is_active: false },
      set: { is_active: true },
      otherwise: 'is already active',
    },
    {
      kind: 'assign',
      name: 'deactivate',
      summary: `Make the ${what} inactive: ${consequence}`,
      when: { is_active: true },
      set: { is_active: false },
      otherwise: 'is already inactive',
      ends: true,
    },
  ]
}
