import { expect, test } from 'vitest'
import { varchar } from '../../src/model/field.ts'
import { notBlank } from '../../src/model/rule.ts'

test('the length of a varchar is a rule as well, in characters as PostgreSQL counts them', () => {
  const { sqlType, rules } = varchar(3, { summary: 'code', rules: [notBlank] })
  const problems = (value: string) =>
    rules.map((rule) => rule.check(value)).filter((problem) => problem !== undefined)
  expect(sqlType).toBe('character varying(3)')
  expect(problems('😀😀😀')).toEqual([])
  expect(problems('abcd')).toEqual(['must not be longer than 3 characters'])
  expect(problems('    ')).toEqual(['must not be blank', 'must not be longer than 3 characters'])
})
