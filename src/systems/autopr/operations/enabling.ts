/** `enable` and `disable`, for whatever has `enabled`. */
import type { AssignOperation } from '../../../model/operation.ts'

/**
 * @param what the noun for the summaries
 * @param consequence what disabling means, a clause without a full stop
 */
export function enabling(what: string, consequence: string): readonly [AssignOperation, AssignOperation] {
  return [
    {
      kind: 'assign',
      name: 'enable',
      summary: `Put the ${what} into use`,
      when: { enabled: false },
      set: { enabled: true },
      otherwise: 'is already enabled',
    },
    {
      kind: 'assign',
      name: 'disable',
      summary: `Take the ${what} out of use: ${consequence}`,
      when: { enabled: true },
      set: { enabled: false },
      otherwise: 'is already disabled',
      ends: true,
    },
  ]
}
