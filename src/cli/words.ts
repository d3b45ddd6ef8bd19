/** Reading a command line that is not parsed yet, or cannot be: which words are operands, what a flag says. */
import { globalFlags } from './globals.ts'
import { longName } from './names.ts'

/**
 * The words of a command line that are neither flags nor values of global flags. What follows a flag of the command's
 * own counts too, since only the command knows whether it takes a value; the words of the path come before it.
 */
export function operands(argv: readonly string[]): string[] {
  return operandPositions(argv).map((at) => argv[at] ?? '')
}

/** Where those words stand. */
export function operandPositions(argv: readonly string[]): number[] {
  const positions: number[] = []
  for (let index = 0; index < argv.length; index++) {
    const token = argv[index] ?? ''
    if (!token.startsWith('-') || token === '-') {
      positions.push(index)
      continue
    }
    if (token === '--') break
    const flag = Object.entries(globalFlags).find(
      ([key, spec]) => token === longName(key, spec) || token === `-${spec.short}`,
    )
    if (flag?.[1].metavar !== undefined) index++
  }
  return positions
}

/** The value of a flag on a command line that need not be one that can be parsed. */
export function flagValue(argv: readonly string[], long: string, short?: string): string | undefined {
  const words = flagsOf(argv)
  for (const [at, word] of words.entries()) {
    if (word === long || word === short) return words[at + 1]
    if (word.startsWith(`${long}=`)) return word.slice(long.length + 1)
    if (short !== undefined && word.startsWith(short)) return word.slice(short.length)
  }
  return undefined
}

/** What stands before `--`. */
export function flagsOf(argv: readonly string[]): readonly string[] {
  return argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv
}

/** The words of the command line for records: passwords in URLs, before the host and among the parameters, are left out. */
export function withoutPasswords(words: readonly string[]): string[] {
  return words.map((word) =>
    word.replace(/(\w+:\/\/[^:/@]*):[^/?]*@/g, '$1:***@').replace(/(:\/\/.*[?&](?:ssl)?password=)[^&]*/gi, '$1***'),
  )
}
