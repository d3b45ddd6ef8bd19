/**
 * The six reports computed over again in TypeScript, from whole rows and from the source document's definitions
 * (systems/skyvern.md: get_task_execution_summary, get_workflow_analytics, get_step_execution_metrics,
 * get_organization_usage_stats, get_organization_performance_metrics, analyze_workflow_bottlenecks) as the decisions
 * mend them. Nothing is shared with the SQL.
 */
import type { ExpectedRows } from './compare.ts'
import {
  by,
  countOf,
  daysOf,
  earliest,
  groupBy,
  isWithin,
  latest,
  mean,
  type Period,
  percentile,
  type Raw,
  secondsBetween,
  shareOf,
} from './raw.ts'

const big = (count: number): bigint => BigInt(count)

export function expectedTaskSummary(raw: Raw, taskId: string): ExpectedRows {
  const task = raw.tasks.find(({ task_id }) => task_id === taskId)
  if (!task) throw new Error('no such task')
  const steps = raw.steps.filter(({ task_id }) => task_id === taskId).toSorted((a, b) => a.order - b.order)
  const completed = countOf(steps, 'completed')
  return {
    summary: [
      {
        task_id: taskId,
        status: task.status,
        failure_reason: task.failure_reason,
        created_at: task.created_at,
        completed_at: task.completed_at,
        execution_time_seconds: secondsBetween(task.created_at, task.completed_at),
        total_steps: big(steps.length),
        completed_steps: big(completed),
        failed_steps: big(countOf(steps, 'failed')),
        // Rounded by the schema TaskSummary.
        success_rate: Math.round(shareOf(completed, steps.length) * 100) / 100,
        total_artifacts: big(raw.artifacts.filter(({ task_id }) => task_id === taskId).length),
        last_activity: latest(steps.map(({ created_at }) => created_at)),
      },
    ],
    steps: steps.map((step) => ({
      order: step.order,
      step_id: step.step_id,
      step_type: step.step_type,
      status: step.status,
      retry_index: step.retry_index,
      actions: big(raw.actions.filter(({ step_id }) => step_id === step.step_id).length),
      duration_seconds: secondsBetween(step.started_at, step.completed_at),
      failure_reason: step.failure_reason,
    })),
  }
}

export function expectedWorkflowAnalytics(raw: Raw, workflowId: string, period: Period): ExpectedRows {
  const workflow = raw.workflows.find(({ workflow_id }) => workflow_id === workflowId)
  if (!workflow) throw new Error('no such workflow')
  const runs = raw.workflow_runs.filter((run) => run.workflow_id === workflowId && isWithin(run, period))
  const successful = countOf(runs, 'completed')
  const created = runs.map(({ created_at }) => created_at)
  const failures = runs.filter(({ status }) => status === 'failed')
  const reasons = [...groupBy(failures, ({ failure_reason }) => failure_reason)].map(([reason, group]) => ({
    failure_reason: reason,
    runs: big(group.length),
    last_seen: latest(group.map(({ created_at }) => created_at)),
  }))
  return {
    summary: [
      {
        workflow_id: workflowId,
        title: workflow.title,
        version: workflow.version,
        total_runs: big(runs.length),
        successful_runs: big(successful),
        failed_runs: big(failures.length),
        success_rate: shareOf(successful, runs.length),
        avg_execution_time_seconds: mean(
          runs.map(({ started_at, completed_at }) => secondsBetween(started_at, completed_at)),
        ),
        first_run: earliest(created),
        last_run: latest(created),
      },
    ],
    failures: reasons
      .toSorted(
        by(
          (row) => ['down', row.runs],
          (row) => ['up', row.failure_reason],
        ),
      )
      .slice(0, 10),
  }
}

export function expectedStepMetrics(raw: Raw, organizationId: string | undefined, period: Period): ExpectedRows {
  const owner = new Map(raw.tasks.map(({ task_id, organization_id }) => [task_id, organization_id]))
  const steps = raw.steps.filter(
    (step) => isWithin(step, period) && (organizationId === undefined || owner.get(step.task_id) === organizationId),
  )
  const types = [...groupBy(steps, ({ step_type }) => step_type)].map(([type, group]) => ({
    step_type: type,
    total_steps: big(group.length),
    completed_steps: big(countOf(group, 'completed')),
    failed_steps: big(countOf(group, 'failed')),
    success_rate: shareOf(countOf(group, 'completed'), group.length),
    avg_execution_time_seconds: mean(
      group.map(({ started_at, completed_at }) => secondsBetween(started_at, completed_at)),
    ),
    avg_retries: mean(group.map(({ retry_index }) => retry_index)),
  }))
  return {
    steps: types.toSorted(
      by(
        (row) => ['down', row.total_steps],
        (row) => ['up', row.step_type],
      ),
    ),
  }
}

export function expectedOrganizationUsage(
  raw: Raw,
  organizationId: string | undefined,
  period: Period,
): ExpectedRows {
  const isOwn = (row: { readonly organization_id: string }) =>
    organizationId === undefined || row.organization_id === organizationId
  const tasks = raw.tasks.filter((task) => isOwn(task) && isWithin(task, period))
  const workflows = new Set(raw.workflows.filter(isOwn).map(({ workflow_id }) => workflow_id))
  const runs = raw.workflow_runs.filter((run) => workflows.has(run.workflow_id) && isWithin(run, period))
  const artifacts = raw.artifacts.filter((artifact) => isOwn(artifact) && isWithin(artifact, period))
  return {
    tasks: [
      {
        total: big(tasks.length),
        completed: big(countOf(tasks, 'completed')),
        failed: big(countOf(tasks, 'failed')),
        active: big(countOf(tasks, 'running', 'queued')),
        success_rate: shareOf(countOf(tasks, 'completed'), tasks.length),
        avg_duration_seconds: mean(
          tasks.map(({ created_at, completed_at }) => secondsBetween(created_at, completed_at)),
        ),
      },
    ],
    workflows: [
      {
        total_workflows: big(workflows.size),
        total_runs: big(runs.length),
        completed_runs: big(countOf(runs, 'completed')),
        avg_duration_seconds: mean(
          runs.map(({ started_at, completed_at }) => secondsBetween(started_at, completed_at)),
        ),
      },
    ],
    resources: [
      {
        total_artifacts: big(artifacts.length),
        screenshot_count: big(artifacts.filter(({ artifact_type }) => artifact_type.startsWith('screenshot')).length),
        storage_bytes: String(artifacts.reduce((sum, { file_size_bytes }) => sum + (file_size_bytes ?? 0n), 0n)),
      },
    ],
  }
}

export function expectedOrganizationPerformance(
  raw: Raw,
  organizationId: string | undefined,
  period: Period,
): ExpectedRows {
  const isOwn = (row: { readonly organization_id: string; readonly created_at: string }) =>
    (organizationId === undefined || row.organization_id === organizationId) && isWithin(row, period)
  const tasks = raw.tasks.filter(isOwn)
  const byDay = groupBy(tasks, ({ created_at }) => created_at.slice(0, 10))
  const completedSteps = groupBy(
    raw.steps.filter(({ status }) => status === 'completed'),
    ({ task_id }) => task_id,
  )
  const failed = tasks.filter(({ status }) => status === 'failed')
  const reasons = groupBy(
    failed.filter(({ failure_reason }) => failure_reason !== null),
    ({ failure_reason }) => failure_reason,
  )
  const types = groupBy(raw.artifacts.filter(isOwn), ({ artifact_type }) => artifact_type)
  return {
    daily: daysOf(period).map((date) => {
      const own = byDay.get(date) ?? []
      return {
        date,
        tasks: big(own.length),
        completed: big(countOf(own, 'completed')),
        failed: big(countOf(own, 'failed')),
        avg_duration_seconds: mean(
          own.map(({ created_at, completed_at }) => secondsBetween(created_at, completed_at)),
        ),
        avg_steps_per_task: mean(own.map(({ task_id }) => completedSteps.get(task_id)?.length ?? 0)),
      }
    }),
    errors: [...reasons]
      .map(([failure_reason, group]) => ({
        failure_reason,
        error_count: big(group.length),
        error_percentage: shareOf(group.length, failed.length),
      }))
      .toSorted(
        by(
          (row) => ['down', row.error_count],
          (row) => ['up', row.failure_reason],
        ),
      )
      .slice(0, 10),
    resources: [...types]
      .map(([artifact_type, group]) => {
        const sizes = group.flatMap(({ file_size_bytes }) => file_size_bytes ?? [])
        const total = sizes.reduce((sum, size) => sum + size, 0n)
        return {
          artifact_type,
          artifact_count: big(group.length),
          total_size_bytes: String(total),
          avg_size_bytes: sizes.length === 0 ? null : Number(total) / sizes.length,
        }
      })
      .toSorted(
        by(
          (row) => ['down', BigInt(row.total_size_bytes)],
          (row) => ['up', ARTIFACT_TYPES.indexOf(row.artifact_type)],
        ),
      ),
  }
}

/** In the order of the document's enumeration, which is how PostgreSQL sorts the type. */
const ARTIFACT_TYPES = [
  'screenshot_action',
  'screenshot_llm',
  'screenshot_step',
  'recording',
  'har_file',
  'extracted_data',
  'downloaded_file',
  'browser_logs',
  'network_logs',
]

export function expectedWorkflowBottlenecks(
  raw: Raw,
  workflowId: string,
  period: Period,
): { rows: ExpectedRows; recommendations: string[] } {
  const runs = raw.workflow_runs.filter((run) => run.workflow_id === workflowId && isWithin(run, period))
  const byRun = groupBy(
    raw.workflow_blocks.filter(({ started_at }) => started_at !== null),
    ({ workflow_run_id }) => workflow_run_id,
  )
  const courses = runs.map(({ workflow_run_id }) =>
    (byRun.get(workflow_run_id) ?? []).toSorted((a, b) => a.block_index - b.block_index),
  )
  const places = groupBy(courses.flat(), ({ block_index, block_type }) => `${block_index} ${block_type}`)
  const blocks = [...places.values()]
    .map((group) => {
      const durations = group.map(({ started_at, completed_at }) => secondsBetween(started_at, completed_at))
      return {
        block_index: group[0]?.block_index ?? Number.NaN,
        block_type: group[0]?.block_type ?? '',
        execution_count: big(group.length),
        avg_duration: mean(durations),
        median_duration: percentile(0.5, durations),
        p95_duration: percentile(0.95, durations),
        failure_count: big(countOf(group, 'failed')),
        failure_rate: shareOf(countOf(group, 'failed'), group.length),
      }
    })
    .toSorted(
      by(
        (row) => ['down', row.avg_duration],
        (row) => ['up', row.block_index],
        (row) => ['up', row.block_type],
      ),
    )
  const steps = courses.flatMap((course) =>
    course.slice(1).map((block, index) => {
      const before = course[index]
      return {
        from_block: before?.block_index ?? Number.NaN,
        to_block: block.block_index,
        gap: secondsBetween(before?.completed_at ?? null, block.started_at),
      }
    }),
  )
  const ways = groupBy(steps, ({ from_block, to_block }) => `${from_block} ${to_block}`)
  const transitions = [...ways.values()]
    .map((group) => ({
      from_block: group[0]?.from_block ?? Number.NaN,
      to_block: group[0]?.to_block ?? Number.NaN,
      transition_count: big(group.length),
      avg_transition_time: mean(group.map(({ gap }) => gap)),
    }))
    .toSorted(
      by(
        (row) => ['down', row.avg_transition_time],
        (row) => ['up', row.from_block],
        (row) => ['up', row.to_block],
      ),
    )
  return { rows: { blocks, transitions }, recommendations: advice(blocks) }
}

interface Block {
  readonly block_index: number
  readonly block_type: string
  readonly avg_duration: number | null
  readonly failure_rate: number
}

/** The document's rules: the slowest block above 30 s, and every block that fails in more than a tenth of its runs. */
function advice(blocks: readonly Block[]): string[] {
  const name = ({ block_index, block_type }: Block) => `Block ${block_index} (${block_type})`
  const slow = blocks.slice(0, 1).filter(({ avg_duration }) => avg_duration !== null && avg_duration > 30)
  const failing = blocks.filter(({ failure_rate }) => failure_rate > 10)
  return [
    ...slow.map((block) => `${name(block)} takes ${block.avg_duration?.toFixed(1)} s on average`),
    ...failing.map((block) => `${name(block)} fails in ${block.failure_rate.toFixed(1)} %`),
  ]
}
