/** How the outcomes of jobs look, wherever they are shown. */
import type { Tone } from '../model/column.ts'
import type { JobOutcome } from '../model/job.ts'

/** `lost` is said of a job whose run was killed. */
export const JOB_TONES: Readonly<Record<JobOutcome | 'lost', Tone>> = {
  done: 'good',
  nothing: 'idle',
  partial: 'bad',
  unfinished: 'active',
  interrupted: 'active',
  failed: 'bad',
  lost: 'bad',
}
