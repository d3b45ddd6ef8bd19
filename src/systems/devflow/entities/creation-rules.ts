/** Rules over several rows that more than one entity shares at creation. */
import type { CreationRule } from '../../../model/entity.ts'

/** An archived project takes no new work. */
export const openProject: CreationRule = {
  via: 'project_id',
  lock: 'share',
  refuses: (project) => ((project.archived_at ?? null) === null ? undefined : 'is archived'),
}

/** The parent has not ended in one of these states. */
export function notEnded(via: string, field: string, ends: readonly string[]): CreationRule {
  return {
    via,
    lock: 'share',
    refuses: (parent) => {
      const state = String(parent[field])
      return ends.includes(state) ? `is ${state}` : undefined
    },
  }
}
