/**
 * The states of a pull request (decision 54). A validation that fails takes it out of review, and new commits bring it
 * back: `reopen` leads out of failed_validation and of closed. Merged is for good.
 */
import { lifecycle } from '../../../model/lifecycle.ts'

export const PR_STATUSES = [
  'draft',
  'open',
  'review_requested',
  'approved',
  'merged',
  'closed',
  'failed_validation',
] as const

export const pullRequestLifecycle = lifecycle({
  field: 'status',
  initial: 'draft',
  states: {
    draft: 'waiting',
    open: 'active',
    review_requested: 'active',
    approved: 'active',
    merged: 'terminal',
    closed: 'terminal',
    failed_validation: 'active',
  },
  endedAt: { merged: 'merged_at', closed: 'closed_at' },
  transitions: [
    {
      verb: 'open',
      summary: 'Open the draft to others',
      from: ['draft'],
      to: 'open',
      takes: { pr_number: 'optional', pr_url: 'optional', commit_sha: 'optional' },
    },
    { verb: 'request-review', summary: 'Ask for a review', from: ['open'], to: 'review_requested' },
    {
      verb: 'approve',
      summary: 'Record that reviewers approve it',
      from: ['open', 'review_requested'],
      to: 'approved',
      takes: { review_comments: 'optional' },
    },
    {
      verb: 'merge',
      summary: 'Record that it is merged',
      from: ['approved'],
      to: 'merged',
      takes: { commit_sha: 'optional' },
    },
    {
      verb: 'close',
      summary: 'Give it up unmerged',
      from: ['draft', 'open', 'review_requested', 'approved', 'failed_validation'],
      to: 'closed',
      ends: true,
    },
    {
      verb: 'reopen',
      summary: 'Open it again, closed or failed in validation',
      from: ['closed', 'failed_validation'],
      to: 'open',
      clears: ['closed_at'],
      takes: { commit_sha: 'optional' },
    },
    {
      verb: 'fail-validation',
      summary: 'Record that a validation failed; record-validation does it with the validation itself',
      from: ['open', 'review_requested', 'approved'],
      to: 'failed_validation',
    },
  ],
})
