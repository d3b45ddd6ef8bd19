/**
 * Deleting artifact files that are due, with their rows, against `find … -delete` over as many files.
 * BENCH_ARTIFACT_FILES is how many (default 100,000).
 */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { openOwn, stewardCommand, timeOf } from '../harness.js'

/** A server of its own: the rows go. */
export const own = true

const FILES = Number(process.env.BENCH_ARTIFACT_FILES ?? 100_000)
const A_FOLDER = 1000

/** The n-th file below a root, a thousand in a folder, as artifacts of tasks lie. */
const pathOf = (n) => `o_1/tasks/${Math.floor(n / A_FOLDER)}/${n}.png`

async function writeFiles(root) {
  for (let folder = 0; folder * A_FOLDER < FILES; folder++) {
    await mkdir(join(root, `o_1/tasks/${folder}`), { recursive: true })
    const numbers = Array.from(
      { length: Math.min(A_FOLDER, FILES - folder * A_FOLDER) },
      (_, n) => folder * A_FOLDER + n,
    )
    await Promise.all(numbers.map((n) => writeFile(join(root, pathOf(n)), `file ${n}\n`)))
  }
}

export async function measure() {
  const bench = await openOwn()
  const folder = await mkdtemp(join(tmpdir(), 'steward-files-'))
  await chmod(folder, 0o755)
  try {
    await bench.steward('migrate', 'up')
    const [ours, theirs] = [join(folder, 'ours'), join(folder, 'theirs')]
    console.error(`writing 2 × ${FILES} files …`)
    await writeFiles(theirs)
    await writeFiles(ours)
    await bench.psql(`
      INSERT INTO skyvern.organizations (organization_name) VALUES ('bench');
      INSERT INTO skyvern.artifacts (organization_id, artifact_type, uri, file_size_bytes, created_at)
        SELECT o.organization_id, 'screenshot_action',
               'file://${ours}/o_1/tasks/' || n / ${A_FOLDER} || '/' || n || '.png', 12, '2020-01-01'::timestamptz + n * '1 second'::interval
        FROM generate_series(0, ${FILES - 1}) AS n, skyvern.organizations AS o;
      ANALYZE skyvern.artifacts`)
    await writeFile(
      join(bench.home, 'steward.yaml'),
      `profiles:\n  default:\n    stores:\n      bench: file://${ours}\n`,
    )
    const find = await timeOf({
      command: 'find',
      args: [theirs, '-type', 'f', '-delete'],
      env: bench.env,
      cwd: folder,
    })
    const clean = await timeOf(stewardCommand(bench, 'artifacts', 'clean', '--yes'))
    const left = await bench.psql('SELECT count(*) FROM skyvern.artifacts')
    if (left !== '0') throw new Error(`${left} artifacts are left`)
    return [
      {
        what: `artifacts clean, ${FILES} files and rows : find -delete`,
        ours: FILES / (clean / 1000),
        theirs: FILES / (find / 1000),
        unit: 'files/s',
        budget: { atLeast: 0.5 },
      },
    ]
  } finally {
    await bench.close()
    await rm(folder, { recursive: true, force: true })
  }
}
