/** AutoPR: automation of pull requests (systems/autopr.md; decisions 28 to 36). */
import { type System, system } from '../../model/system.ts'
import { action } from './entities/action.ts'
import { event } from './entities/event.ts'
import { execution } from './entities/execution.ts'
import { executionLog } from './entities/execution-log.ts'
import { integration } from './entities/integration.ts'
import { trigger } from './entities/trigger.ts'
import { workflow } from './entities/workflow.ts'
import { reports } from './reports/index.ts'
import { retention } from './retention.ts'

export const autopr: System = system({
  name: 'autopr',
  title: 'AutoPR',
  summary: 'PR automation: workflows, executions, actions, triggers, logs, integrations, events',
  // Parents before children: the order of help, of the overview and of loading seeds.
  entities: [workflow, action, trigger, execution, executionLog, integration, event],
  reports,
  retention,
  overview: { entity: 'execution' },
  support: {
    sequences: ['execution_number'],
    functions: ['next_execution_id()', 'set_claimed_at()', 'set_updated_at()'],
  },
})
