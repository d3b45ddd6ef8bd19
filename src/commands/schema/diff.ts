/** `steward schema diff`. */
import { schemaOf } from '../../config/config.ts'
import { ExitCode } from '../../errors.ts'
import type { Cells } from '../../model/column.ts'
import type { SystemDiff } from '../../schema/diff.ts'
import { systems } from '../../systems/registry.ts'
import { defineCommand } from '../command.ts'
import { variadicArgument } from '../flags.ts'

const names = systems.map(({ name }) => name)

export const diff = defineCommand({
  name: 'diff',
  summary: 'Compare the database with what the systems declare',
  description:
    'Names every difference in tables, columns, keys, checks, indexes, enum types and partitioning, and what there is ' +
    'of triggers, functions, views and sequences: whether each is there, under its name and arguments, and whether a ' +
    'trigger is enabled. What a trigger calls, and what stands inside functions and views, is not compared; neither ' +
    'are owners, privileges, policies, rules and comments. Exits 0 when there is no difference and 10 when there is ' +
    'one. Only reads: a role that may SELECT is enough.',
  examples: [
    { command: 'schema diff', does: 'Compare every system' },
    { command: 'schema diff skyvern --json', does: 'One system, for a script' },
  ],
  effect: 'read',
  args: {
    systems: variadicArgument('systems to compare; all of them when absent', { required: false, choices: names }),
  },
  async run(context, input) {
    const wanted = systems.filter(({ name }) => input.systems.length === 0 || input.systems.includes(name))
    const [config, db, { diffSystem }, { inWords }] = await Promise.all([
      context.config(),
      context.db(),
      import('../../schema/diff.ts'),
      import('../../schema/compare.ts'),
    ])
    const rows: Cells[] = []
    for (const entry of wanted) {
      context.ui.progress({ label: `comparing ${entry.name}`, done: 0, unit: 'tables' })
      const system = await entry.load()
      const found = await diffSystem(db, system, schemaOf(config, system.name))
      context.ui.note(verdict(found))
      rows.push(...found.differences.map((each) => ({ system: system.name, ...each, difference: inWords(each) })))
    }
    return rows
  },
  view: (rows) => ({
    shape: 'table',
    columns: [
      { key: 'system', kind: 'text' },
      { key: 'object', kind: 'text' },
      { key: 'kind', kind: 'text', summary: 'what of the object differs' },
      { key: 'expected', kind: 'text', summary: 'as declared; null where no declaration knows of it' },
      { key: 'found', kind: 'text', summary: 'as it is; null where it is not there' },
      { key: 'difference', kind: 'text', summary: 'the difference in words' },
    ],
    shown: ['system', 'object', 'difference'],
    rows,
    empty: 'No differences.',
  }),
  exitCode: (rows) => (rows.length === 0 ? ExitCode.ok : ExitCode.trouble),
})

function verdict({ system, schema, tables, differences }: SystemDiff): string {
  const name = schema === system ? system : `${system} (schema ${schema})`
  if (differences.length === 0) return `${name}: ${tables} tables, as declared`
  if (differences[0]?.kind === 'schema') return `${name}: there is no schema ${schema}; steward migrate up makes it`
  return `${name}: ${differences.length} ${differences.length === 1 ? 'difference' : 'differences'}`
}
