/**
 * Deleting artifact files against `find … -delete` over as many: the store by itself, in the requests that the engines
 * make; files that are found below a prefix, by the command; and those that rows name, with the rows, by the command.
 * BENCH_ARTIFACT_FILES is how many (default 100,000).
 */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { bundled, openOwn, stewardCommand, timeOf } from '../harness.js'

/** A server of its own: the rows go. */
export const own = true

const FILES = Number(process.env.BENCH_ARTIFACT_FILES ?? 100_000)
const A_FOLDER = 1000

/** Writes so many files into a folder. */
async function fill(folder, files) {
  await mkdir(folder, { recursive: true })
  for (let first = 0; first < files; first += 500) {
    const names = Array.from({ length: Math.min(500, files - first) }, (_, n) => `${first + n}.png`)
    await Promise.all(names.map((name) => writeFile(join(folder, name), `file ${name}\n`)))
  }
}

export async function measure() {
  const bench = await openOwn()
  const folder = await mkdtemp(join(tmpdir(), 'steward-files-'))
  await chmod(folder, 0o755)
  try {
    await bench.steward('migrate', 'up')
    await writeFile(
      join(bench.home, 'steward.yaml'),
      `profiles:\n  default:\n    stores:\n      bench: file://${join(folder, 'ours')}\n`,
    )
    return [await byStore(bench, folder), await byPrefix(bench, folder), await byRows(bench, folder)]
  } finally {
    await bench.close()
    await rm(folder, { recursive: true, force: true })
  }
}

/**
 * Fills ours and theirs alike, and times both.
 *
 * @param clean deletes the files of ours
 */
async function compare(bench, folder, { folders, clean, what, budget }) {
  console.error(`writing 2 × ${FILES} files …`)
  const [ours, theirs] = [join(folder, 'ours'), join(folder, 'theirs')]
  const each = Math.ceil(FILES / folders.length)
  for (const [index, path] of folders.entries()) {
    const files = Math.min(each, FILES - index * each)
    for (const root of [theirs, ours]) if (files > 0) await fill(join(root, path), files)
  }
  const find = await timeOf({
    command: 'find',
    args: [theirs, '-type', 'f', '-delete'],
    env: bench.env,
    cwd: folder,
  })
  const began = performance.now()
  await clean(ours)
  const took = performance.now() - began
  // Fails where a file is left.
  await timeOf({ command: 'sh', args: ['-c', `test -z "$(find ${ours} -type f | head -1)"`], env: bench.env })
  return {
    what,
    ours: FILES / (took / 1000),
    theirs: FILES / (find / 1000),
    unit: 'files/s',
    budget,
  }
}

const byCommand = (bench, rule) => () => timeOf(stewardCommand(bench, 'artifacts', 'clean', rule, '--yes'))

const folders = Array.from({ length: Math.ceil(FILES / A_FOLDER) }, (_, index) => `o_1/tasks/${index}`)

/** The store alone: what it takes to check where each file really lies, and to let go of it. */
async function byStore(bench, folder) {
  const { openStores } = await bundled('store-files.ts', bench.home)
  return compare(bench, folder, {
    folders,
    async clean(root) {
      const store = openStores([{ name: 'bench', url: `file://${root}` }]).named('bench')
      const uris = folders.flatMap((path) =>
        Array.from({ length: A_FOLDER }, (_, n) => store.uriOf(`${path}/${n}.png`)),
      )
      for (let first = 0; first < uris.length; first += 1000) await store.remove(uris.slice(first, first + 1000))
      await store.close()
    },
    what: `the store removes ${FILES} files : find -delete`,
    budget: { atLeast: 0.5 },
  })
}

/** Files of tasks, which no row names. */
async function byPrefix(bench, folder) {
  await bench.steward('seed', 'run', 'agensium', '--rows', '400', '--until', '2025-01-01')
  const tasks = await bench.psql(`
    SELECT format('users/%s/tasks/%s/inputs', user_id, task_id)
    FROM agensium.tasks
    WHERE COALESCE(completed_at, failed_at, cancelled_at, expired_at) IS NOT NULL AND inputs_cleaned_at IS NULL
    LIMIT 100`)
  await rm(join(folder, 'ours'), { recursive: true, force: true })
  return compare(bench, folder, {
    folders: tasks.split('\n'),
    clean: byCommand(bench, 'agensium/input-files'),
    what: `artifacts clean, ${FILES} files below prefixes : find -delete`,
    budget: { atLeast: 0.5 },
  })
}

/** Files that a row each names: marked, deleted, and the rows deleted after them. */
async function byRows(bench, folder) {
  await bench.psql(`
    INSERT INTO skyvern.organizations (organization_name) VALUES ('bench');
    INSERT INTO skyvern.artifacts (organization_id, artifact_type, uri, file_size_bytes, created_at)
      SELECT o.organization_id, 'screenshot_action',
             'file://${folder}/ours/o_1/tasks/' || n / ${A_FOLDER} || '/' || n % ${A_FOLDER} || '.png', 12,
             '2020-01-01'::timestamptz + n * '1 second'::interval
      FROM generate_series(0, ${FILES - 1}) AS n, skyvern.organizations AS o;
    ANALYZE skyvern.artifacts`)
  const result = await compare(bench, folder, {
    folders,
    clean: byCommand(bench, 'skyvern/old-artifacts'),
    what: `artifacts clean, ${FILES} files with their rows : find -delete`,
    budget: { atLeast: 0.02 },
  })
  const left = await bench.psql('SELECT count(*) FROM skyvern.artifacts')
  if (left !== '0') throw new Error(`${left} artifacts are left`)
  return result
}
