/** DevFlow: AI development workflow (systems/devflow.md; decisions 54 to 64). */
import { type System, system } from '../../model/system.ts'
import { agentConfig } from './entities/agent-config.ts'
import { dependency } from './entities/dependency.ts'
import { event } from './entities/event.ts'
import { execution } from './entities/execution.ts'
import { project } from './entities/project.ts'
import { pullRequest } from './entities/pull-request.ts'
import { task } from './entities/task.ts'
import { validation } from './entities/validation.ts'
import { reports } from './reports/index.ts'
import { retention } from './retention.ts'

export const devflow: System = system({
  name: 'devflow',
  title: 'DevFlow',
  summary: 'AI development workflow: projects, tasks, executions, pull requests, validations, audit',
  // Parents before children: the order of help, of the overview and of loading seeds.
  entities: [project, agentConfig, task, dependency, execution, pullRequest, validation, event],
  reports,
  retention,
  overview: { entity: 'task' },
  actorSetting: 'devflow.actor',
  movesWith: { 'devflow.audit': 'off' },
  support: {
    sequences: [],
    functions: [
      'nests_at_most_ten(jsonb)',
      'project_dependencies()',
      'project_validations()',
      'record_change()',
      'refuse_cycle()',
      'set_updated_at()',
    ],
    views: ['active_tasks', 'index_usage_stats', 'pr_validation_status', 'task_execution_summary'],
  },
})
