/** How keys of declarations are spelt on the command line. */
import type { Flag } from '../commands/flags.ts'

/** `--dry-run` for `dryRun`, `--organization-id` for `organization_id`, `--no-color` for the negated `color`. */
export function longName(key: string, flag: Pick<Flag, 'negated'>): string {
  const words = key.replaceAll('_', '-').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
  return `--${flag.negated ? 'no-' : ''}${words}`
}
