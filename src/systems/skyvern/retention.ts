/** How long Skyvern's data is kept (systems/skyvern.md, "Automated Cleanup Jobs"; decisions 16 and 20). */
import type { RetentionRule } from '../../model/retention.ts'

export const retention: readonly RetentionRule[] = [
  {
    name: 'old-artifacts',
    summary: 'Screenshots of actions and steps and browser logs, files and rows, after 90 days',
    entity: 'artifact',
    action: 'delete-files',
    ageOf: 'created_at',
    olderThan: '90 days',
    only: { artifact_type: ['screenshot_action', 'screenshot_step', 'browser_logs'] },
    unlessActive: ['task_id', 'step_id', 'workflow_run_id'],
  },
  {
    name: 'finished-tasks',
    summary: 'Tasks, with all that hangs on them, 180 days after their end',
    entity: 'task',
    action: 'archive',
    ageOf: 'completed_at',
    olderThan: '180 days',
    // Every end, `terminated` too, which the document's job forgot (decision 16).
    only: { status: ['completed', 'failed', 'cancelled', 'terminated'] },
  },
]
