import { describe, expect, it } from 'vitest'
import { inlined, toSql } from '../../src/migrations/parameters.ts'

const text = `
  SELECT $1, '$1', "$2", E'it\\'s $1', $$ $1 $$, $tag$ $2 $$ $tag$, -- $1
         /* $2 */ $2::text, $1, ARRAY['a'] ?| $10`
const values = ['one', 'two', 3, 4, 5, 6, 7, 8, 9, 'ten']

describe('positional parameters', () => {
  it('are found outside strings, quoted names, dollar quotes and comments, and may repeat', () => {
    const statement = toSql({ text, values })
    expect(statement.values).toEqual(['one', 'two', 'one', 'ten'])
    expect(statement.text).toBe(text.replace('::text, $1,', '::text, $3,').replace('$10', '$4'))
  })

  it('give way to literals in the same places', () => {
    expect(inlined({ text, values }, (value) => `<${value}>`)).toBe(`
  SELECT <one>, '$1', "$2", E'it\\'s $1', $$ $1 $$, $tag$ $2 $$ $tag$, -- $1
         /* $2 */ <two>::text, <one>, ARRAY['a'] ?| <ten>`)
  })

  it('are left alone in a statement without values', () => {
    expect(toSql({ text: 'SELECT $1', values: [] }).text).toBe('SELECT $1')
    expect(inlined({ text: 'SELECT $1', values: [] }, String)).toBe('SELECT $1')
  })
})
