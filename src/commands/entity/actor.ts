import type { Actor } from '../../db/audit.ts'
import type { Context } from '../command.ts'

/** Who runs the command, for the audit log. */
export function actorOf({ command, argv, actor, globals }: Context): Actor {
  return {
    command,
    argv,
    osUser: actor.osUser,
    host: actor.host,
    ...(globals.reason === undefined ? {} : { reason: globals.reason }),
  }
}
