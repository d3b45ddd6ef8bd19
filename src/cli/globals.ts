/**
 * Global flags. They are accepted before and after the command's own words; where a command has a flag of the same
 * name (`task create --url`), the command's wins there and the global one goes before the command.
 */
import type { Globals } from '../commands/command.ts'
import { choice, type Flags, type InputOf, list, text, toggle } from '../commands/flags.ts'
import { FORMATS } from '../output/view.ts'

export const globalFlags = {
  profile: text('<name>', 'named target from steward.yaml', { group: 'Global options:' }),
  url: text('<url>', 'database to work on, postgresql://…', { group: 'Global options:' }),
  output: choice(FORMATS, 'output format', { short: 'o', metavar: '<format>', group: 'Global options:' }),
  json: toggle('short for --output json', { group: 'Global options:' }),
  fields: list('<names>', 'columns to print, in this order', { group: 'Global options:' }),
  section: text('<name>', 'print one section of a report only', { group: 'Global options:' }),
  reveal: list('<names>', 'secret fields to print all the same', { group: 'Global options:' }),
  color: toggle('never colour', { group: 'Global options:', negated: true }),
  input: toggle('never ask; fail where a question would be needed', { group: 'Global options:', negated: true }),
  yes: toggle('answer yes to the confirmation', { short: 'y', group: 'Global options:' }),
  confirm: text('<database>', 'confirm on a production database by its name', { group: 'Global options:' }),
  reason: text('<text>', 'why, for the audit log', { group: 'Global options:' }),
  quiet: toggle('errors and results only', { short: 'q', group: 'Global options:' }),
  verbose: toggle('say more about what happens', { group: 'Global options:' }),
  debug: toggle('show the stack of an unexpected error', { group: 'Global options:' }),
} as const satisfies Flags

export type GlobalInput = InputOf<typeof globalFlags, Record<never, never>>

/** The part of the global flags that commands see. */
export function globalsFrom(input: GlobalInput): Globals {
  return {
    yes: input.yes,
    quiet: input.quiet,
    verbose: input.verbose,
    reveal: input.reveal,
    ...(input.confirm === undefined ? {} : { confirm: input.confirm }),
    ...(input.reason === undefined ? {} : { reason: input.reason }),
    ...(input.fields.length === 0 ? {} : { fields: input.fields }),
  }
}
