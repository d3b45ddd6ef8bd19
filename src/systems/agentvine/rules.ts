/** Rules on values that only AgentVine has. */
import type { Rule } from '../../model/rule.ts'

const LONGEST_TAG = 50

/** Tags are words of at most 50 characters, each once; white space around them goes. */
export const tagList: Rule = {
  describes: `tags of at most ${LONGEST_TAG} characters`,
  normalise: (value) =>
    Array.isArray(value)
      ? [...new Set(value.map((tag: unknown) => (typeof tag === 'string' ? tag.trim() : tag)))]
      : value,
  check(value) {
    if (!Array.isArray(value)) return 'must be a list of tags'
    if (value.some((tag) => typeof tag !== 'string' || tag === '')) return 'must not have a blank tag'
    return value.some((tag) => [...String(tag)].length > LONGEST_TAG)
      ? `must not have a tag longer than ${LONGEST_TAG} characters`
      : undefined
  },
}
