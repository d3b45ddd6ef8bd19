/** What sealing promises: nothing opens but with its key in its place, and nothing prints itself. */
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { keyFrom } from '../../src/config/credentials.ts'
import { inputReader } from '../../src/crud/input.ts'
import { decrypt, encrypt, keyIdOf, type Place, Unopenable, Unsealed } from '../../src/crud/seal.ts'
import { bankScope } from './bank.ts'

const key = keyFrom('11'.repeat(32))
const other = keyFrom(Buffer.alloc(32, 2).toString('base64'))
if (!key || !other) throw new Error('no keys')
const place: Place = { system: 'bank', table: 'safes', column: 'contents', row: 'a' }
const bcrypt = { by: 'bcrypt', input: 'password' } as const
const aes = { by: 'aes-256-gcm', input: 'credentials' } as const

function whyNot(open: () => string): string {
  try {
    open()
  } catch (error) {
    if (error instanceof Unopenable) return `${error.why}: ${error.message}`
    throw error
  }
  return 'opened'
}

describe('what is encrypted', () => {
  test('opens with its key in its place, whatever the text', () => {
    for (const text of ['x', '{"token":"ü\u0000\n"}', '💶'.repeat(5000)]) {
      expect(decrypt(encrypt(text, key, place), key, place)).toBe(text)
    }
  })

  test('is different every time, and names the version and the key', () => {
    const sealed = new Set(Array.from({ length: 50 }, () => encrypt('the same', key, place)))
    expect(sealed.size).toBe(50)
    for (const one of sealed) expect(one).toMatch(/^v1\.02d449a3\.[\w-]{16}\.[\w-]{11}\.[\w-]{22}$/)
    expect(keyIdOf([...sealed][0] ?? '')).toBe(key.id)
  })

  test.each([
    ['another row', { row: 'b' }],
    ['another column', { column: 'name' }],
    ['another table', { table: 'vaults' }],
    ['another system', { system: 'skyvern' }],
  ])('does not open in %s', (_name, moved) => {
    const sealed = encrypt('secret', key, place)
    expect(whyNot(() => decrypt(sealed, key, { ...place, ...moved }))).toBe(
      'damaged: is damaged, or was sealed for another row',
    )
  })

  test('names both keys when the wrong one is given, and neither of them itself', () => {
    expect(whyNot(() => decrypt(encrypt('secret', key, place), other, place))).toBe(
      `wrong-key: was sealed under key ${key.id}, and this is key ${other.id}`,
    )
  })

  test('does not open when any part of it was changed, shortened or left out', () => {
    const sealed = encrypt('a longer secret', key, place)
    const parts = sealed.split('.')
    for (const index of [2, 3, 4]) {
      const part = parts[index] ?? ''
      for (const changed of ['', part.slice(0, -4), (part.startsWith('A') ? 'B' : 'A') + part.slice(1)]) {
        const broken = parts.with(index, changed).join('.')
        expect(whyNot(() => decrypt(broken, key, place))).toMatch(/^damaged/)
      }
    }
    for (const text of ['', 'secret', sealed.slice(3), `${sealed}.x`, sealed.replace('v1', 'v2')]) {
      expect(whyNot(() => decrypt(text, key, place))).toBe('not-sealed: is not a sealed text')
    }
  })
})

describe('a password', () => {
  const reasons = (text: string) => new Unsealed(bcrypt, text).whyNot()

  test('has at least 8 characters and at most the 72 bytes that bcrypt reads', () => {
    expect(reasons('1234567')).toEqual(['must have at least 8 characters'])
    expect(reasons('12345678')).toEqual([])
    expect(reasons('💶'.repeat(7))).toEqual(['must have at least 8 characters'])
    expect(reasons('x'.repeat(72))).toEqual([])
    expect(reasons('ü'.repeat(36))).toEqual([])
    expect(reasons('ü'.repeat(37))).toEqual([
      'must not be longer than 72 bytes in UTF-8, since bcrypt reads no further',
    ])
    expect(reasons('1234\u00005678')).toEqual(['must not contain a NUL character'])
  })

  test('becomes a bcrypt hash of cost 12 that it and no other matches', async () => {
    const { compare } = await import('bcryptjs')
    const hash = await new Unsealed(bcrypt, 'correct horse').sealedFor(place)
    expect(hash).toMatch(/^\$2b\$12\$.{53}$/)
    expect(await compare('correct horse', hash)).toBe(true)
    expect(await compare('correct hors', hash)).toBe(false)
  })
})

test('a secret on its way shows itself to nobody', () => {
  const secret = new Unsealed(aes, 'hunter2hunter2', key)
  expect(`${secret}`).toBe('***')
  expect(JSON.stringify({ secret })).toBe('{"secret":"***"}')
  expect(inspect(secret, { depth: 9, showHidden: true })).not.toContain('hunter2')
  expect(Object.keys(secret)).toEqual([])
})

describe('reading the input of a sealed field', () => {
  test('takes a hash from a file, and nothing in clear', async () => {
    const reader = await inputReader(bankScope('person').entity, 'create')
    const hash = `$2y$10$${'a'.repeat(53)}`
    const read = (hashed_password: unknown, form: 'json' | 'csv' = 'json') =>
      reader.read({ email: 'a@b.example', hashed_password }, form)
    expect(read(hash)).toMatchObject({ values: { hashed_password: hash }, problems: [] })
    expect(read(hash, 'csv').problems).toEqual([])
    for (const plain of ['correct horse', 12345678, `$2b$03$${'a'.repeat(53)}`]) {
      expect(read(plain).problems).toEqual([
        {
          where: 'hashed_password',
          reason: 'must be a bcrypt hash in a file; a password in clear is given with --password-file',
        },
      ])
    }
  })

  test('takes nothing encrypted from a file: it was sealed for another row', async () => {
    const reader = await inputReader(bankScope('safe').entity, 'create')
    const { problems, values } = reader.read({ name: 'a', contents: encrypt('x', key, place) }, 'json')
    expect(problems).toEqual([
      {
        where: 'contents',
        reason: 'is sealed for its row and cannot come from a file of rows; use --credentials-file',
      },
    ])
    expect(values).toEqual({ name: 'a' })
    expect(reader.read({ name: 'a', contents: null }, 'json')).toEqual({
      values: { name: 'a', contents: null },
      problems: [],
    })
  })

  test('takes no plain text, wherever it may come from', async () => {
    const reader = await inputReader(bankScope('safe').entity, 'create')
    expect(reader.read({ name: 'a', contents: 'token' }, 'text').problems).toEqual([
      { where: 'contents', reason: 'is never stored as it is given; use --credentials-file' },
    ])
  })
})
