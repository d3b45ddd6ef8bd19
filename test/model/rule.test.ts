import { describe, expect, test } from 'vitest'
import { email } from '../../src/model/rule.ts'

describe('an e-mail address', () => {
  test.each(['ada@example.com', "o'neil+tag@sub.example.co.uk", 'jörg@büro.example'])('may be %s', (address) => {
    expect(email.check(address)).toBeUndefined()
  })

  test.each([
    ['no @', 'example.com'],
    ['two', 'a@b@example.com'],
    ['no dot', 'ada@localhost'],
    ['a space', 'a da@example.com'],
    ['a comma', 'a,b@example.com'],
    ['a control sequence', 'a\u001b[31m@example.com'],
    ['an invisible character', 'ada\u200b@example.com'],
    ['NUL', 'ada@example.com\0'],
    ['a number', 7],
  ])('has not %s', (_what, given) => {
    expect(email.check(given)).toBe('is not an e-mail address')
  })
})
