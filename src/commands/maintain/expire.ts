/** `steward maintain expire`. */
import type { ExpiryPlan } from '../../crud/expire.ts'
import type { ExitCode } from '../../errors.ts'
import { entityOfRule, type RuleScope } from '../../model/due.ts'
import type { JobResult } from '../../model/job.ts'
import type { Section } from '../../output/view.ts'
import { defineDestroyCommand } from '../command.ts'
import { actorOf } from '../entity/actor.ts'
import { consequenceRows } from '../entity/consequence-view.ts'
import { spoken } from '../entity/entity-scope.ts'
import { duration, integer, variadicArgument } from '../flags.ts'
import { exitCodeOfJobs, governed } from '../governed.ts'
import { rulesAndSystems } from './rule-names.ts'
import { type RuleResult, resultSections, worked } from './rule-results.ts'
import { ruleName, rulesNamed } from './rules.ts'

interface Planned {
  readonly rule: RuleScope
  readonly plan: ExpiryPlan
}

interface Done {
  readonly results: readonly RuleResult[]
  readonly exitCode: ExitCode
}

export const expire = defineDestroyCommand({
  name: 'expire',
  summary: 'End what stayed in a state for too long',
  description:
    'Takes rows whose time in a state is over through the transition that their rule names, with all that any such step has: end times, effects on other rows, the audit log. The age of a state counts from its own timestamp. A row that cannot take the step stays and is named.',
  examples: [
    { command: 'maintain expire --dry-run', does: 'What is over its time, and what happens with it' },
    { command: 'maintain expire agensium --yes', does: 'All of one system, for cron; outside production' },
    {
      command: 'maintain expire agentvine/stale-workers --run-time 5m --yes',
      does: 'One rule, five minutes at most',
    },
  ],
  args: {
    rules: variadicArgument('rules such as agensium/hung-tasks, or systems; all that are on when absent', {
      required: false,
      suggest: () => rulesAndSystems('expire'),
    }),
  },
  flags: {
    limit: integer('<n>', 'at most this many rows of each rule, the oldest first', { min: 1 }),
    runTime: duration('<duration>', 'end after this long, between two batches (exit 9 with work left)'),
  },
  async plan(context, { rules, limit }): Promise<readonly Planned[]> {
    const [wanted, db, { planExpiry }] = await Promise.all([
      rulesNamed(context, rules, 'expire'),
      context.db(),
      import('../../crud/expire.ts'),
    ])
    const planned: Planned[] = []
    for (const rule of wanted) {
      planned.push({ rule, plan: await planExpiry(db, rule, { limit }, actorOf(context)) })
    }
    return planned
  },
  planView: (planned) => ({
    shape: 'sections',
    sections: [
      {
        kind: 'table',
        key: 'rules',
        columns: [
          { key: 'rule', kind: 'text' },
          { key: 'rows', kind: 'bigint', unit: 'count' },
          { key: 'oldest', label: 'since', kind: 'timestamp' },
          { key: 'olderThan', label: 'older than', kind: 'text' },
          { key: 'becomes', kind: 'text' },
          { key: 'summary', kind: 'text' },
        ],
        shown: ['rule', 'rows', 'oldest', 'olderThan', 'becomes'],
        rows: planned.map(({ rule, plan }) => ({
          rule: ruleName(rule),
          rows: plan.rows,
          oldest: plan.oldest,
          olderThan: rule.applied.olderThan,
          becomes: plan.transition.to,
          summary: rule.applied.rule.summary,
        })),
        empty: 'No such rule is on for a system of this database.',
      },
      ...consequencesOf(planned),
      ...refusedSections(planned),
    ],
  }),
  nothing: (planned) =>
    planned.every(({ plan }) => plan.rows === 0n) ? 'Nothing is over its time; nothing to do.' : undefined,
  action: (planned) => {
    const rows = planned.reduce((sum, { plan }) => sum + plan.rows, 0n)
    return `Expire ${rows.toLocaleString('en')} ${rows === 1n ? 'row' : 'rows'}`
  },
  async apply(context, { limit, runTime }, planned): Promise<Done> {
    const due = planned.filter(({ plan }) => plan.rows > 0n)
    const { applyExpiry } = await import('../../crud/expire.ts')
    const options = {
      schemas: due.map(({ rule }) => rule.schema),
      runTimeMs: runTime,
      plan: Object.fromEntries(due.map(({ rule, plan }) => [ruleName(rule), String(plan.rows)])),
    }
    return governed(context, options, async (run) => {
      const results: RuleResult[] = []
      for (const { rule, plan } of due) {
        const result = await worked(() => applyExpiry(run.db, rule, run, { limit, asOf: plan.asOf }))
        results.push({ rule: ruleName(rule), ...result })
      }
      const exitCode = exitCodeOfJobs(results, context.signal)
      return { value: { results, exitCode }, counts: countsOf(results), exitCode, ...reasonOf(results) }
    })
  },
  view: ({ results }) => ({ shape: 'sections', sections: resultSections(results, 'rows moved') }),
  exitCode: ({ exitCode }) => exitCode,
})

/** What happens to other rows, of all rules in one table. */
function consequencesOf(planned: readonly Planned[]): Section[] {
  const rows = planned.flatMap(({ rule, plan: { consequences, rehearsed, rows: due } }) => {
    const about = BigInt(rehearsed) < due ? `the first ${rehearsed.toLocaleString('en')}` : 'all'
    return consequenceRows(consequences).map((row) => ({ rule: ruleName(rule), of: about, ...row }))
  })
  if (rows.length === 0) return []
  return [
    {
      kind: 'table',
      key: 'consequences',
      title: 'What happens with it',
      columns: [
        { key: 'rule', kind: 'text' },
        { key: 'of', kind: 'text' },
        { key: 'rows', kind: 'integer', unit: 'count' },
        { key: 'entity', kind: 'text' },
        { key: 'change', kind: 'text' },
      ],
      shown: ['rule', 'rows', 'entity', 'change', ...(rows.some(({ of }) => of !== 'all') ? ['of'] : [])],
      rows,
    },
  ]
}

function refusedSections(planned: readonly Planned[]): Section[] {
  const rows = planned.flatMap(({ rule, plan }) =>
    plan.refused.map(({ id, reason }) => ({
      rule: ruleName(rule),
      row: `${spoken(entityOfRule(rule.system, rule.applied.rule).name)} ${id}`,
      reason,
    })),
  )
  if (rows.length === 0) return []
  return [
    {
      kind: 'table',
      key: 'refused',
      title: 'Kept back',
      columns: [
        { key: 'rule', kind: 'text' },
        { key: 'row', kind: 'text' },
        { key: 'reason', kind: 'text' },
      ],
      rows,
    },
  ]
}

function countsOf(results: readonly RuleResult[]) {
  return Object.fromEntries(results.map(({ rule, rows, outcome }) => [rule, { rows: String(rows), outcome }]))
}

function reasonOf(results: readonly (RuleResult & JobResult)[]): { readonly reason?: string } {
  const early = results.find(({ outcome }) => outcome === 'unfinished' || outcome === 'interrupted')
  return early === undefined ? {} : { reason: early.why }
}
