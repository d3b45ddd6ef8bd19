import type { Environment } from '../../config/config.ts'
import type { ServerContents } from '../../server/contents.ts'
import type { ServerStatus } from '../../server/embedded.ts'
import { type Context, defineDestroyCommand } from '../command.ts'
import { ownServer } from './view.ts'

interface DestroyPlan {
  readonly status: ServerStatus
  /** Undefined when the server is absent or could not be asked. */
  readonly contents: ServerContents | undefined
}

export const destroy = defineDestroyCommand({
  name: 'destroy',
  summary: 'Stop the embedded server and delete it with all its data',
  description:
    'Where one of its databases is marked production, or its marker cannot be read, the name steward has to be typed ' +
    'or given with --confirm.',
  examples: [
    { command: 'server destroy --dry-run', does: 'See what would be deleted' },
    { command: 'server destroy', does: 'Delete it, after a question' },
  ],
  plan: readPlan,
  planView: ({ status, contents }) => ({
    shape: 'sections',
    sections: [
      {
        kind: 'record',
        key: 'server',
        title: 'Embedded server',
        columns: [
          { key: 'state', kind: 'text' },
          { key: 'environment', kind: 'text' },
          { key: 'data_directory', kind: 'text' },
          { key: 'size', kind: 'bigint', unit: 'bytes' },
        ],
        row: {
          state: status.state,
          environment: contents === undefined ? 'unknown' : (contents.environment ?? null),
          data_directory: status.dataDirectory,
          size: BigInt(status.sizeBytes),
        },
      },
      {
        kind: 'table',
        key: 'databases',
        title: 'Databases',
        columns: [
          { key: 'name', kind: 'text' },
          { key: 'sizeBytes', label: 'size', kind: 'bigint', unit: 'bytes' },
        ],
        rows: (contents?.databases ?? []).map(({ name, sizeBytes }) => ({ name, sizeBytes })),
        empty: 'The databases could not be read.',
      },
    ],
  }),
  nothing: ({ status }) => (status.state === 'absent' ? 'There is no embedded server.' : undefined),
  action: ({ status }) => `Delete the embedded server and everything in ${status.dataDirectory}`,
  confirmName: () => 'steward',
  environment: ({ contents }): Environment | 'none' =>
    contents === undefined ? 'production' : (contents.environment ?? 'none'),
  async apply(context) {
    const destroyed = await (await ownServer(context)).destroy()
    context.ui.note('Deleted the embedded server.')
    return destroyed
  },
  view: ({ stopped, freedBytes }) => ({
    shape: 'record',
    columns: [
      { key: 'stopped', kind: 'boolean', summary: 'whether it was running' },
      { key: 'freed', kind: 'bigint', unit: 'bytes' },
    ],
    row: { stopped, freed: BigInt(freedBytes) },
  }),
})

async function readPlan(context: Context): Promise<DestroyPlan> {
  const server = await ownServer(context)
  const status = await server.status()
  if (status.state === 'absent') return { status, contents: undefined }
  const { serverContents } = await import('../../server/contents.ts')
  const { StewardError } = await import('../../errors.ts')
  try {
    return { status, contents: await serverContents(server) }
  } catch (error) {
    if (!(error instanceof StewardError)) throw error
    // A server that no longer starts must be deletable too; not knowing whether it is production counts as if it were.
    context.ui.warn(`What it holds could not be read: ${error.message}`)
    return { status, contents: undefined }
  }
}
