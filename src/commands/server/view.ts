/** How the server is shown, the same by every command. */
import type { Column } from '../../model/column.ts'
import type { RecordView } from '../../output/view.ts'
import type { ServerStatus } from '../../server/embedded.ts'
import type { Context } from '../command.ts'

export const columns: readonly Column[] = [
  { key: 'state', kind: 'text', summary: 'absent, stopped, starting, running, stopping' },
  { key: 'pid', label: 'process', kind: 'integer' },
  { key: 'since', kind: 'timestamp', summary: 'when it was started' },
  { key: 'version', kind: 'text', summary: 'PostgreSQL version' },
  { key: 'url', kind: 'text', summary: 'for psql and other clients' },
  { key: 'data_directory', kind: 'text' },
  { key: 'size', kind: 'bigint', unit: 'bytes', summary: 'what the data directory takes on disk' },
  { key: 'log_file', kind: 'text' },
]

export interface ShownStatus {
  readonly status: ServerStatus
  /** Password left out; `server url` gives the whole. */
  readonly url: string
}

/** The server of this user, loaded when a command runs. */
export async function ownServer({ env }: Pick<Context, 'env'>) {
  const { embeddedServer } = await import('../../server/embedded.ts')
  return embeddedServer({ env })
}

/** Asks the server how it is. */
export async function shownStatus(context: Pick<Context, 'env'>): Promise<ShownStatus> {
  const server = await ownServer(context)
  const { connectionUrl } = await import('../../server/url.ts')
  const { password: _, ...open } = await server.endpoint()
  return { status: await server.status(), url: connectionUrl(open) }
}

export function statusView({ status, url }: ShownStatus): RecordView {
  const exists = status.state !== 'absent'
  return {
    shape: 'record',
    columns,
    row: {
      state: status.state,
      pid: status.pid ?? null,
      since: status.since?.toISOString() ?? null,
      version: status.version ?? null,
      url: exists ? url : null,
      data_directory: status.dataDirectory,
      size: exists ? BigInt(status.sizeBytes) : null,
      log_file: exists ? status.logFile : null,
    },
  }
}
