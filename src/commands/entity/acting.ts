/** Commands of a system whose database keeps an audit trail of its own, by a trigger that asks a setting who acts. */
import { actingAs } from '../../db/acting.ts'
import { type Command, type Context, type Group, isGroup } from '../command.ts'

/** The commands, with the operating system's user in the setting wherever they change rows. */
export function sayingWho(commands: readonly (Command | Group)[], setting: string): (Command | Group)[] {
  const acting = (context: Context): Context => ({
    ...context,
    db: async () => actingAs(await context.db(), setting, context.actor.osUser),
  })
  return commands.map((entry) => {
    if (isGroup(entry)) return { ...entry, commands: sayingWho(entry.commands, setting) }
    if (entry.effect === 'read') return entry
    if (entry.effect === 'destroy') {
      return { ...entry, prepare: (context, input) => entry.prepare(acting(context), input) }
    }
    return { ...entry, invoke: (context, input) => entry.invoke(acting(context), input) }
  })
}
