/** Skyvern: browser automation (systems/skyvern.md; decisions 9 to 27). */
import { type System, system } from '../../model/system.ts'
import { action } from './entities/action.ts'
import { apiKey } from './entities/api-key.ts'
import { artifact } from './entities/artifact.ts'
import { browserSession } from './entities/browser-session.ts'
import { organization } from './entities/organization.ts'
import { screenshot } from './entities/screenshot.ts'
import { step } from './entities/step.ts'
import { stepLog } from './entities/step-log.ts'
import { task } from './entities/task.ts'
import { taskLog } from './entities/task-log.ts'
import { user } from './entities/user.ts'
import { workflow } from './entities/workflow.ts'
import { workflowBlock } from './entities/workflow-block.ts'
import { workflowRun } from './entities/workflow-run.ts'
import { workflowRunLog } from './entities/workflow-run-log.ts'
import { reports } from './reports/index.ts'
import { retention } from './retention.ts'

export const skyvern: System = system({
  name: 'skyvern',
  title: 'Skyvern',
  summary: 'Browser automation: organizations, tasks, steps, actions, artifacts, workflows, runs',
  // Parents before children: the order of help, of the overview and of loading seeds.
  entities: [
    organization,
    user,
    apiKey,
    browserSession,
    task,
    step,
    action,
    taskLog,
    stepLog,
    workflow,
    workflowRun,
    workflowBlock,
    workflowRunLog,
    artifact,
    screenshot,
  ],
  reports,
  retention,
  overview: { entity: 'task' },
  support: {
    sequences: ['id_sequence'],
    functions: ['next_id(text)', 'set_updated_at()', 'set_modified_at()'],
  },
})
