import { defineCommand } from '../command.ts'
import { ownServer } from './view.ts'

export const url = defineCommand({
  name: 'url',
  summary: 'Print the connection URL of the embedded server',
  description: 'The URL works with psql, pg_dump, libpq and node-postgres. The server is not started by this.',
  examples: [{ command: 'server url', does: 'Print it, e.g. for psql "$(steward server url)"' }],
  effect: 'read',
  async run(context) {
    const server = await ownServer(context)
    const { connectionUrl } = await import('../../server/url.ts')
    const endpoint = await server.endpoint()
    const { state } = await server.status()
    if (state !== 'running') context.ui.warn('The embedded server is not running: steward server start')
    const { host, port, database, user } = endpoint
    return { url: connectionUrl(endpoint), host, port, database, user }
  },
  view: (value) => ({ shape: 'text', text: value.url, value }),
})
