/** `steward server`: the PostgreSQL server that Steward runs itself. */
import type { Group } from '../command.ts'
import { destroy } from './destroy.ts'
import { logs } from './logs.ts'
import { start } from './start.ts'
import { status } from './status.ts'
import { stop } from './stop.ts'
import { url } from './url.ts'

export const serverGroup: Group = {
  name: 'server',
  summary: 'The embedded PostgreSQL server: start, stop, status, url, logs, destroy',
  description:
    'With no server configured, steward runs a PostgreSQL of its own: started when it is first needed, left running ' +
    'until it is stopped, reachable through a Unix socket that only its owner can open. STEWARD_DATA_HOME moves it. ' +
    'These commands concern that server only, whatever the profile names.',
  commands: [start, stop, status, url, logs, destroy],
}
