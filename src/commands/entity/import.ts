import type { Column } from '../../model/column.ts'
import type { Entity } from '../../model/entity.ts'
import type { System } from '../../model/system.ts'
import { type Command, defineCommand } from '../command.ts'
import { argument } from '../flags.ts'
import { spoken, wordsOf } from './entity-scope.ts'
import { assignmentFlags } from './field-flags.ts'
import type { Imported } from './import-source.ts'
import { importExitCode, sourceFlags } from './source-input.ts'

const COLUMNS: readonly Column[] = [
  { key: 'read', kind: 'integer', unit: 'count' },
  { key: 'written', kind: 'integer', unit: 'count' },
  { key: 'rejected', kind: 'integer', unit: 'count' },
  { key: 'rejects_file', kind: 'text' },
  { key: 'dry_run', kind: 'boolean' },
]

/** `steward <system> <entity> import`. */
export function importCommand(system: System, entity: Entity): Command {
  const words = wordsOf(system, entity, 'import')
  return defineCommand({
    name: 'import',
    summary: `Import ${spoken(entity.plural)} from CSV, NDJSON or JSON`,
    description:
      `Imports ${spoken(entity.plural)} from a file or stdin, streamed. All rows or none, unless --keep-going: then ` +
      `the good rows are written, 500 a transaction, and the others go to a file of rejects, each with its line and ` +
      `its problems. In CSV an empty cell is NULL and "" an empty text, as COPY has it.${sealedIn(entity)}`,
    examples: [
      { command: `${words} ${entity.plural}.csv --dry-run`, does: 'Check every row, write nothing' },
      {
        command: `${words} ${entity.plural}.ndjson --keep-going`,
        does: 'Write the good rows, keep the others in a file',
      },
      { command: `${words} - < ${entity.plural}.ndjson`, does: 'From stdin, where another tool may write' },
    ],
    effect: 'write',
    args: { file: argument('file to read, or - for stdin') },
    flags: { ...sourceFlags, ...assignmentFlags },
    async run(context, input): Promise<Imported> {
      const { importSource } = await import('./import-source.ts')
      const result = await importSource(context, system, entity, input.file, input, { verb: 'import' })
      for (const { line, where, reason } of result.problems.slice(0, 5)) {
        context.ui.warn(`line ${line}: ${[where, reason].filter(Boolean).join(' ')}`)
      }
      return result
    },
    exitCode: importExitCode,
    view: ({ read, written, rejected, rejectsFile }, input) => ({
      shape: 'record',
      title: input.dryRun ? 'Checked, nothing written' : 'Imported',
      columns: COLUMNS,
      row: { read, written, rejected, rejects_file: rejectsFile, dry_run: input.dryRun },
    }),
  })
}

/** What a file may hold of fields that are never stored as they are given. */
function sealedIn({ fields }: Entity): string {
  const seals = Object.entries(fields).flatMap(([key, { sealed }]) => (sealed ? [{ key, ...sealed }] : []))
  return seals
    .map(({ key, by, input }) =>
      by === 'bcrypt'
        ? ` ${key} holds bcrypt hashes: a ${input} in clear is refused.`
        : ` ${key} cannot be imported: it is sealed for its row.`,
    )
    .join('')
}
