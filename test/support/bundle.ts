/** TypeScript modules as programs of their own, for tests that kill real processes. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { rolldown } from 'rolldown'

export interface Program {
  /** Path of an ES module that `node` runs. */
  readonly path: string
  remove(): Promise<void>
}

/** Bundles a module; its packages stay imports, so the program lies below node_modules, where they are found. */
export async function bundleProgram(entry: string): Promise<Program> {
  const cache = join(import.meta.dirname, '../../node_modules/.cache')
  await mkdir(cache, { recursive: true })
  const folder = await mkdtemp(join(cache, 'steward-test-'))
  const path = join(folder, 'program.mjs')
  const bundle = await rolldown({ input: entry, platform: 'node', external: /^[^./]/ })
  await bundle.write({ file: path, format: 'esm', codeSplitting: false })
  await bundle.close()
  return { path, remove: () => rm(folder, { recursive: true, force: true }) }
}
