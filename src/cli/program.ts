/**
 * The mount layer: commands as data become Commander commands. Only the branch that the command line names is
 * imported, and on that branch only the path to the command gets its flags; everything else is a name and a summary
 * for help.
 */
import { Command as Commander, CommanderError, Option } from 'commander'
import { type Command, type Group, isGroup } from '../commands/command.ts'
import type { Argument, Arguments, Flag, Flags } from '../commands/flags.ts'
import { InvalidValue, type Problem, UsageError, wrongInput } from '../errors.ts'
import { nearest } from '../model/nearest.ts'
import { type Branch, branches } from './branches.ts'
import { type GlobalInput, globalFlags } from './globals.ts'
import { addHelp } from './help.ts'
import { longName } from './names.ts'
import { operands } from './words.ts'

/** What the command line turned out to mean. */
export interface Invocation {
  readonly command: Command
  /** `skyvern task list`. */
  readonly path: string
  readonly input: Readonly<Record<string, unknown>>
  readonly globals: GlobalInput
}

export interface Output {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
}

/** Help or version was asked for and printed. */
export interface Answered {
  readonly answered: true
}

/**
 * Reads a command line.
 *
 * @param argv what follows `steward`
 * @param output where help and version go
 * @throws UsageError naming every problem of the command line
 */
export async function parseCommandLine(
  argv: readonly string[],
  version: string,
  output: Output,
): Promise<Invocation | Answered> {
  let invocation: Invocation | undefined
  const root = new Commander('steward')
    .description('Administer the PostgreSQL databases behind automation platforms.')
    .exitOverride()
    .configureOutput({ writeOut: output.out, writeErr: output.err, outputError: () => {} })
    .enablePositionalOptions()
    .version(version, '-V, --version', 'print the version')
    .helpCommand(false)
  addFlags(root, globalFlags)
  addHelp(root, { examples: [] })

  const words = operands(argv)
  const wanted = branches.find((branch) => branch.name === words[0])
  for (const branch of branches) {
    if (branch === wanted) {
      mount(root, await branch.load(), words.slice(1), branch, (found) => {
        invocation = found
      })
    } else {
      root.command(branch.name).summary(branch.summary).helpGroup(branch.heading)
    }
  }
  if (words[0] !== undefined && wanted === undefined) throw unknownCommand(words[0], branches, '')

  try {
    await root.parseAsync([...argv], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return { answered: true }
    if (error.code === 'commander.help')
      throw new UsageError({ code: 'command-missing', message: 'No command was given', hint: helpHint(root, words) })
    throw new UsageError({
      code: error.code.replace('commander.', '').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
      message: sentence(error.message),
      hint: helpHint(root, words),
    })
  }
  return invocation ?? { answered: true }
}

function mount(
  parent: Commander,
  entry: Command | Group,
  words: readonly string[],
  branch: Branch | undefined,
  found: (invocation: Invocation) => void,
): void {
  const node = parent.command(entry.name, { hidden: 'hidden' in entry && entry.hidden }).summary(entry.summary)
  if (branch) node.helpGroup(branch.heading)
  if (entry.aliases?.length) node.aliases(entry.aliases)
  node.description(entry.description ?? `${entry.summary}.`).helpCommand(false)
  if (!isGroup(entry)) {
    mountCommand(node, entry, found)
    return
  }
  node.enablePositionalOptions()
  addFlags(node, globalFlags, { hidden: true })
  addHelp(node, { examples: [] })
  for (const child of entry.commands) {
    const named = child.name === words[0] || child.aliases?.includes(words[0] ?? '')
    if (named) mount(node, child, words.slice(1), undefined, found)
    else nameOnly(node, child)
  }
  // Commander would call an unknown verb an excess argument, or stumble over the options that were meant for it; a
  // name close to it is more help.
  node.action(() => {
    const [word] = node.args
    if (word?.startsWith('-')) throw unknownOption(word, pathOf(node))
    if (word !== undefined) throw unknownCommand(word, entry.commands, pathOf(node))
    node.help({ error: true })
  })
  node.allowExcessArguments(true)
  node.allowUnknownOption(true)
}

function nameOnly(parent: Commander, entry: Command | Group): void {
  const node = parent.command(entry.name, { hidden: 'hidden' in entry && entry.hidden }).summary(entry.summary)
  if (entry.aliases?.length) node.aliases(entry.aliases)
}

function mountCommand(node: Commander, command: Command, found: (invocation: Invocation) => void): void {
  addFlags(node, command.flags)
  const own = new Set(Object.entries(command.flags).flatMap(([key, flag]) => [longName(key, flag), `-${flag.short}`]))
  addFlags(node, withoutClashes(globalFlags, own), { hidden: true })
  for (const [key, argument] of Object.entries(command.args)) addArgument(node, key, argument)
  node.usage(
    ['[options]', ...Object.entries(command.args).map(([key, argument]) => usageOf(key, argument))].join(' '),
  )
  addHelp(node, { examples: command.examples })
  node.action(() => {
    const problems: Problem[] = []
    const input = {
      ...readFlags(node, command.flags, problems),
      ...readArguments(node, command.args, problems),
    }
    const globals = readGlobals(node, own, problems)
    const path = pathOf(node)
    if (problems.length > 0) throw wrongInput(problems, `steward ${path} --help shows what it takes`)
    found({ command, path, input, globals })
  })
}

function addFlags(node: Commander, flags: Flags, { hidden = false } = {}): void {
  for (const [key, flag] of Object.entries(flags)) {
    const short = flag.short === undefined ? '' : `-${flag.short}, `
    const value = flag.metavar === undefined ? '' : ` ${flag.metavar}`
    const option = new Option(`${short}${longName(key, flag)}${value}`, flag.summary)
    option.hideHelp(hidden || flag.hidden === true)
    if (flag.group !== undefined) option.helpGroup(flag.group)
    // Every occurrence is kept as typed; the flag's own parser reads them later, all problems together.
    if (flag.metavar !== undefined) {
      option.argParser((raw: string, before: string[] | undefined) => [...(before ?? []), raw])
    }
    node.addOption(option)
  }
}

function withoutClashes(flags: Flags, taken: ReadonlySet<string>): Flags {
  return Object.fromEntries(Object.entries(flags).filter(([key, flag]) => !taken.has(longName(key, flag))))
}

/** Commander asks for no argument itself, so that a missing one is reported with the other problems. */
function addArgument(node: Commander, key: string, argument: Argument): void {
  const name = `${key.replaceAll('_', '-')}${argument.variadic ? '...' : ''}`
  node.argument(`[${name}]`, argument.summary)
}

function usageOf(key: string, argument: Argument): string {
  const name = `${key.replaceAll('_', '-')}${argument.variadic ? '…' : ''}`
  return argument.required ? `<${name}>` : `[${name}]`
}

function readFlags(node: Commander, flags: Flags, problems: Problem[]): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (const [key, flag] of Object.entries(flags)) {
    values[key] = readFlag(optionValue(node, key, flag), key, flag, problems)
  }
  return values
}

function optionValue(node: Commander, key: string, flag: Flag): unknown {
  const long = longName(key, flag)
  const option = node.options.find((candidate) => candidate.long === long)
  return option && node.getOptionValue(option.attributeName())
}

function readFlag(given: unknown, key: string, flag: Flag, problems: Problem[]): unknown {
  if (flag.metavar === undefined) return flag.negated ? given === false : given === true
  const occurrences = Array.isArray(given) ? given.map(String) : []
  if (occurrences.length === 0) {
    if (flag.required) problems.push({ where: longName(key, flag), reason: 'is required' })
    return flag.fallback
  }
  try {
    const parsed = occurrences.map((raw) => flag.parse(raw))
    return flag.repeatable ? parsed.flat() : parsed.at(-1)
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error
    problems.push({ where: longName(key, flag), reason: error.message })
    return flag.fallback
  }
}

function readArguments(node: Commander, args: Arguments, problems: Problem[]): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  let position = 0
  for (const [key, argument] of Object.entries(args)) {
    const given = argument.variadic ? node.args.slice(position) : node.args.slice(position, position + 1)
    position += argument.variadic ? given.length : 1
    const where = `<${key.replaceAll('_', '-')}>`
    if (given.length === 0 && argument.required) problems.push({ where, reason: 'is required' })
    const parsed = given.map((raw) => {
      try {
        return argument.parse(raw)
      } catch (error) {
        if (!(error instanceof InvalidValue)) throw error
        problems.push({ where, reason: error.message })
        return undefined
      }
    })
    values[key] = argument.variadic ? parsed : parsed[0]
  }
  return values
}

/** Global flags may stand at any level; the one closest to the command wins. */
function readGlobals(leaf: Commander, own: ReadonlySet<string>, problems: Problem[]): GlobalInput {
  const levels: Commander[] = []
  for (let node: Commander | null = leaf; node; node = node.parent) levels.push(node)
  const values: Record<string, unknown> = {}
  for (const [key, flag] of Object.entries(globalFlags as Flags)) {
    const given = levels
      .filter((node) => node !== leaf || !own.has(longName(key, flag)))
      .map((node) => optionValue(node, key, flag))
      .find((value) => value !== undefined && value !== (flag.negated === true))
    values[key] = readFlag(given, key, flag, problems)
  }
  // Made from globalFlags key by key, each by its own parser.
  return values as GlobalInput
}

function pathOf(node: Commander): string {
  const names: string[] = []
  for (let current: Commander | null = node; current?.parent; current = current.parent) names.unshift(current.name())
  return names.join(' ')
}

function unknownCommand(word: string, known: readonly { readonly name: string }[], path: string): UsageError {
  const near = nearest(
    word,
    known.map((entry) => entry.name),
  )
  const place = path === '' ? '' : ` ${path}`
  return new UsageError({
    code: 'unknown-command',
    message: `steward${place} has no command '${word}'`,
    hint: near ? `Did you mean: steward${place} ${near}` : `steward${place} --help lists the commands`,
  })
}

function unknownOption(option: string, path: string): UsageError {
  return new UsageError({
    code: 'unknown-option',
    message: `steward ${path} has no option ${JSON.stringify(option.split('=', 1)[0])}; it takes a command`,
    hint: `steward ${path} --help lists the commands`,
  })
}

/** Points to the help of the command that the words lead to; what follows it are arguments. */
function helpHint(root: Commander, words: readonly string[]): string {
  const path: string[] = []
  let node: Commander | undefined = root
  for (const word of words) {
    node = node.commands.find((child) => child.name() === word || child.aliases().includes(word))
    if (node === undefined) break
    path.push(word)
  }
  return `steward ${[...path, '--help'].join(' ')} shows what it takes`
}

/** Commander's `error: unknown option '--x'\n(Did you mean --y?)` as one line. */
function sentence(message: string): string {
  const text = message.replace(/^error: /, '').replaceAll('\n', ' ')
  return text.charAt(0).toUpperCase() + text.slice(1)
}
