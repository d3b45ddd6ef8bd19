/** Rules over several rows at creation. */
import type { CreationRule } from '../../../model/entity.ts'

/** The user must exist and be active. */
export const activeUser: CreationRule = {
  via: 'user_id',
  lock: 'share',
  refuses: (user) => (user.is_active === true ? undefined : 'is not active'),
}
