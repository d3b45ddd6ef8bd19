/** What Steward tells people to run must be there to be run. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { branches } from '../../src/cli/branches.ts'
import { isGroup } from '../../src/commands/command.ts'

const SOURCES = fileURLToPath(new URL('../../src', import.meta.url))

/** Groups that the design names, whether or not this version has them. */
const DESIGNED =
  /^(quickstart|status|server|migrate|schema|seed|report|inspect|doctor|maintain|archive|artifacts|config)$/

test('every command that a message names exists', async () => {
  const verbs = new Map<string, readonly string[] | undefined>()
  for (const branch of branches) {
    const entry = await branch.load()
    verbs.set(branch.name, isGroup(entry) ? entry.commands.map(({ name }) => name) : undefined)
  }
  const files = (await readdir(SOURCES, { recursive: true })).filter((name) => name.endsWith('.ts'))
  const absent: string[] = []
  for (const file of files) {
    const text = await readFile(join(SOURCES, file), 'utf8')
    for (const [said, group = '', verb] of text.matchAll(/\bsteward ([a-z]+)(?: (?!\w+ing\b)([a-z][a-z-]*))?/g)) {
      if (!DESIGNED.test(group)) continue
      const known = verbs.get(group)
      const exists = verbs.has(group) && (verb === undefined || known === undefined || known.includes(verb))
      if (!exists) absent.push(`${file}: ${said}`)
    }
  }
  expect(absent).toEqual([])
})
