/** `steward config`: what is configured and why, writing a configuration, checking it. */
import type { Group } from '../command.ts'
import { check } from './check.ts'
import { environment } from './environment.ts'
import { init } from './init.ts'
import { show } from './show.ts'

export const configGroup: Group = {
  name: 'config',
  summary: 'Show, write and check the configuration',
  description:
    'Where a connection goes is said by the first of: --url, --profile, STEWARD_URL, STEWARD_PROFILE, DATABASE_URL, ' +
    'PGHOST and its kin, DATABASE_STRING, DB_HOST and its kin, the default profile of steward.yaml in this folder or ' +
    "above, that of the user's file, the embedded server. Parts of different sources are never mixed, and a profile " +
    'that is named beats whatever a shell exports for other programs; PG* variables may then still give the ' +
    'password and TLS files.',
  commands: [show, init, check, environment],
}
