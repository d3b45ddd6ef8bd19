/** Rules over several rows that more than one entity shares at creation (systems/skyvern.md, "DataValidator"). */
import type { CreationRule } from '../../../model/entity.ts'
import { isJsonObject } from '../../../model/rule.ts'

/** The organization must exist and be active. */
export const activeOrganization: CreationRule = {
  via: 'organization_id',
  lock: 'share',
  refuses: (organization) => (organization.is_active === true ? undefined : 'is not active'),
}

/** What `settings` does not say about concurrent tasks (decision 24). */
const DEFAULT_CONCURRENT_TASKS = 10

/**
 * As `activeOrganization`, and it has room for another active task: `settings.max_concurrent_tasks`, 10 unless set
 * (decision 24). Zero is a limit like any other (decision 6).
 */
export const roomForTask: CreationRule = {
  ...activeOrganization,
  lock: 'update',
  limit(organization) {
    const settings = isJsonObject(organization.settings) ? organization.settings : {}
    const atMost = settings.max_concurrent_tasks
    return typeof atMost === 'number'
      ? { atMost, because: 'settings.max_concurrent_tasks' }
      : { atMost: DEFAULT_CONCURRENT_TASKS, because: 'the default of settings.max_concurrent_tasks' }
  },
}

/** The row that a reference names belongs to the same organization; a foreign key alone would not notice. */
export function ofSameOrganization(via: string): CreationRule {
  return { via, lock: 'share', matches: { organization_id: 'organization_id' } }
}
