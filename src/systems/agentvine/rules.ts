/** Rules on values that only AgentVine has. */
import type { Rule } from '../../model/rule.ts'

/** Tags are words, each once; white space around them goes. */
export const tagList: Rule = {
  describes: 'words, none of them blank',
  normalise: (value) =>
    Array.isArray(value)
      ? [...new Set(value.map((tag: unknown) => (typeof tag === 'string' ? tag.trim() : tag)))]
      : value,
  check: (value) => (Array.isArray(value) && value.includes('') ? 'must not have a blank tag' : undefined),
}
