/** The command reference in Markdown, from the same declarations as `--help`: what would drift is generated. */
import { type Command, type Group, isGroup } from '../commands/command.ts'
import type { Flag, Flags } from '../commands/flags.ts'
import { systems } from '../systems/registry.ts'
import { branches } from './branches.ts'
import { globalFlags } from './globals.ts'
import { longName } from './names.ts'

/** Paths of the files below the checkout, with their text. */
export type Documents = Readonly<Record<string, string>>

const FOLDER = 'docs'

/**
 * The reference: `docs/commands.md` with the global options and what every system shares, and a file for each system.
 *
 * @returns Markdown of every command with its arguments, flags and examples
 */
export async function reference(): Promise<Documents> {
  const common = ['# Commands', '', 'Generated from the same declarations as `--help`.', '']
  common.push('## Systems', '', ...systems.map(({ name, title, summary }) => `- [${title}](${name}.md): ${summary}`))
  common.push('', '## Global options', '', flagTable(globalFlags))
  const documents: Record<string, string> = {}
  for (const branch of branches) {
    const entry = await branch.load()
    const own = systems.find(({ name }) => name === branch.name)
    if (own === undefined) {
      common.push('', `## \`steward ${branch.name}\``, '', `${branch.summary}.`, ...describe(entry, branch.name))
      continue
    }
    const lines = [`# ${own.title}`, '', `${own.summary}. Generated from the same declarations as \`--help\`.`, '']
    lines.push(...TABLE, ...tableRows(entry, branch.name))
    for (const child of isGroup(entry) ? entry.commands : []) {
      const path = `${branch.name} ${child.name}`
      lines.push('', `## \`steward ${path}\``, '', `${child.summary}.`, ...describe(child, path))
    }
    documents[`${FOLDER}/${own.name}.md`] = text(lines)
  }
  return { [`${FOLDER}/commands.md`]: text(common), ...documents }
}

const TABLE = ['| command | what it does |', '|---|---|']

/** @returns Markdown: a table of every command; each system is one row with its entities, and links to its reference */
export async function commandTable(): Promise<string> {
  const rows: string[] = []
  for (const branch of branches) {
    const entry = await branch.load()
    const isSystem = systems.some(({ name }) => name === branch.name)
    if (!isSystem || !isGroup(entry)) rows.push(...tableRows(entry, branch.name))
    else {
      const names = entry.commands.map(({ name }) => name).join('|')
      rows.push(tableRow(`${branch.name} ${names}`, `${entry.summary}: [reference](${FOLDER}/${branch.name}.md)`))
    }
  }
  return text([...TABLE, ...rows])
}

function text(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`
}

function tableRows(entry: Command | Group, path: string): string[] {
  if (!isGroup(entry)) return [tableRow(path, entry.summary)]
  const shown = entry.commands.filter((child) => !('hidden' in child && child.hidden))
  // A group of groups is a system: each of its groups is one row with its verbs.
  if (shown.some(isGroup)) {
    return shown.map((child) =>
      isGroup(child)
        ? tableRow(`${path} ${child.name} ${child.commands.flatMap(verbsOf).join('|')}`, child.summary)
        : tableRow(`${path} ${child.name}`, child.summary),
    )
  }
  return shown.map((child) => tableRow(`${path} ${child.name}`, child.summary))
}

/** A verb may be a group itself: `credentials set`, `credentials rotate`. */
function verbsOf(entry: Command | Group): string[] {
  return isGroup(entry) ? entry.commands.flatMap(verbsOf).map((verb) => `${entry.name} ${verb}`) : [entry.name]
}

function tableRow(path: string, summary: string): string {
  return `| \`steward ${path.replaceAll('|', ' \\| ')}\` | ${summary.replaceAll('|', '\\|')} |`
}

function describe(entry: Command | Group, path: string): string[] {
  if (isGroup(entry)) {
    return entry.commands.flatMap((child) => {
      if ('hidden' in child && child.hidden) return []
      if (isGroup(child)) return [...describe(child, `${path} ${child.name}`)]
      return describe(child, `${path} ${child.name}`)
    })
  }
  const args = Object.entries(entry.args).map(([name, argument]) => {
    const word = `${name.replaceAll('_', '-')}${argument.variadic ? '…' : ''}`
    return argument.required ? `<${word}>` : `[${word}]`
  })
  const usage = ['steward', path, ...args, ...(Object.keys(entry.flags).length > 0 ? ['[options]'] : [])].join(' ')
  const lines = [
    '',
    `<details><summary><code>${escapeHtml(usage)}</code> — ${escapeHtml(entry.summary)}</summary>`,
    '',
  ]
  lines.push(entry.description ?? `${entry.summary}.`)
  if (Object.keys(entry.flags).length > 0) lines.push('', flagTable(entry.flags))
  lines.push('', '```sh')
  for (const example of entry.examples) lines.push(`# ${example.does}`, `steward ${example.command}`)
  lines.push('```', '', '</details>')
  return lines
}

function flagTable(flags: Flags): string {
  const rows = Object.entries(flags)
    .filter(([, flag]) => !flag.hidden)
    .map(([key, flag]) => `| \`${spelling(key, flag)}\` | ${flag.summary.replaceAll('|', '\\|')} |`)
  return ['| option | what it does |', '|---|---|', ...rows].join('\n')
}

function spelling(key: string, flag: Flag): string {
  const short = flag.short === undefined ? '' : `-${flag.short}, `
  const value = flag.metavar === undefined ? '' : ` ${flag.metavar}`
  return `${short}${longName(key, flag)}${value}`.replaceAll('|', '\\|')
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
