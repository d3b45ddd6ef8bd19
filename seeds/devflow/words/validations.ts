/** What is validated, by whom, and what is suggested when it is found wanting. */
export interface ValidationWords {
  readonly type: string
  readonly validator: string
  readonly suggestions: readonly string[]
  /** Typical milliseconds. */
  readonly time: number
}

export const VALIDATIONS: readonly ValidationWords[] = [
  {
    type: 'unit_tests',
    validator: 'vitest',
    suggestions: ['Make the clock a parameter', 'Cover the branch without a session'],
    time: 42_000,
  },
  { type: 'lint', validator: 'biome', suggestions: ['Remove the unused import'], time: 2_400 },
  { type: 'type_check', validator: 'tsc', suggestions: ['Narrow the union before the call'], time: 11_000 },
  {
    type: 'security_scan',
    validator: 'semgrep',
    suggestions: ['Bind the value instead of joining it into the text', 'Compare in constant time'],
    time: 23_000,
  },
  {
    type: 'code_review',
    validator: 'claude_code',
    suggestions: ['Extract the retry loop', 'Name the unit in the variable'],
    time: 65_000,
  },
]
