/** AgentVine: a fleet of coding workers (systems/agentvine.md; decisions 46 to 53). */
import { type System, system } from '../../model/system.ts'
import { assignment } from './entities/assignment.ts'
import { attachment } from './entities/attachment.ts'
import { capability } from './entities/capability.ts'
import { chatMessage } from './entities/chat-message.ts'
import { dependency } from './entities/dependency.ts'
import { document } from './entities/document.ts'
import { documentVersion } from './entities/document-version.ts'
import { execution } from './entities/execution.ts'
import { executionLog } from './entities/execution-log.ts'
import { task } from './entities/task.ts'
import { user } from './entities/user.ts'
import { workOrder } from './entities/work-order.ts'
import { worker } from './entities/worker.ts'
import { reports } from './reports/index.ts'
import { retention } from './retention.ts'

export const agentvine: System = system({
  name: 'agentvine',
  title: 'AgentVine',
  summary: 'Worker fleet: tasks, dependencies, work-order queue, workers, executions, chat, documents',
  // Parents before children: the order of help, of the overview and of loading seeds.
  entities: [
    user,
    worker,
    capability,
    task,
    dependency,
    workOrder,
    assignment,
    execution,
    executionLog,
    chatMessage,
    attachment,
    document,
    documentVersion,
  ],
  reports,
  retention,
  overview: { entity: 'task' },
  support: {
    sequences: [],
    functions: [
      'assignments_changed()',
      'capabilities_changed()',
      'check_sender()',
      'count_document_version()',
      'keep_document_version()',
      'keep_worker_status()',
      'project_capabilities()',
      'refuse_deleting_busy_worker()',
      'refuse_dependency_cycle()',
      'set_updated_at()',
    ],
  },
})
