/** `chat-message edit`: another text, and the time of it. */
import type { AssignOperation } from '../../../model/operation.ts'

export const edit: AssignOperation = {
  kind: 'assign',
  name: 'edit',
  summary: 'Change what the message says',
  when: {},
  set: {},
  takes: { message: 'required' },
  stamps: ['edited_at'],
  otherwise: 'cannot be edited',
}
