/** The command that shows the next page, ready to be pasted. */
import { shellWord } from '../../output/shell-word.ts'

/**
 * @param argv what was typed after `steward`
 * @returns the same command line with the cursor in place of the one it had; a password in a URL is masked
 */
export function nextPageCommand(argv: readonly string[], cursor: string): string {
  const kept: string[] = []
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? ''
    if (word === '--after') index++
    else if (!word.startsWith('--after=')) kept.push(word.replace(/(:\/\/[^:@/]*):[^@]*@/, '$1:***@'))
  }
  return ['steward', ...kept, '--after', cursor].map(shellWord).join(' ')
}
