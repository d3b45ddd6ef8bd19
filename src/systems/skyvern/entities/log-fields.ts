/** What the three logs have in common (decision 9). */
import { type Check, legalValues } from '../../../model/entity.ts'
import { createdAt, json, oneOf, text } from '../../../model/field.ts'
import { levelTones } from '../../../model/words.ts'

const LEVELS = ['debug', 'info', 'warning', 'error', 'critical'] as const

export const logFields = () => ({
  level: oneOf(LEVELS, {
    summary: 'how serious it is',
    tones: levelTones,
    default: `'info'::text`,
    settable: 'never',
  }),
  message: text({ summary: 'what happened', settable: 'never' }),
  metadata: json({ summary: 'further facts', nullable: true, settable: 'never' }),
  created_at: createdAt(),
})

/** @param name of the constraint */
export function legalLevel(name: string): Check {
  return legalValues(name, 'level', LEVELS)
}
