/**
 * Commands as data: name, words for help, flags, what it does to the world, and a `run` that knows no terminal.
 * The mount layer (`cli/program.ts`) parses, opens what `effect` allows, asks where it must, renders and maps the
 * outcome to an exit code.
 */
import type { Config, Environment } from '../config/config.ts'
import type { Database } from '../db/database.ts'
import type { ExitCode } from '../errors.ts'
import type { Ui } from '../output/ui-types.ts'
import type { Format, View } from '../output/view.ts'
import { type Arguments, type Flags, type InputOf, toggle } from './flags.ts'

export type { Ui } from '../output/ui-types.ts'

/** Global flags that commands may need to know. */
export interface Globals {
  readonly yes: boolean
  readonly confirm?: string
  readonly quiet: boolean
  readonly verbose: boolean
  /** Names of secret fields to show (`--reveal`). */
  readonly reveal: readonly string[]
  /** Recorded in the audit log (`--reason`). */
  readonly reason?: string
  /** Columns chosen with `--fields`, undefined for the default. */
  readonly fields?: readonly string[]
}

export interface Context {
  /** The words of the command, `skyvern task list`: for the audit log and `application_name`. */
  readonly command: string
  /** What was typed after `steward`, secrets never among it; for the journal. */
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** The words that start this program, in absolute paths: for what starts it again. */
  readonly program: readonly string[]
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean }
  /** Aborted on SIGINT and SIGTERM; loops ask it between batches. */
  readonly signal: AbortSignal
  readonly now: () => Date
  /** Who runs this, as the operating system knows them; for the audit log and journal. */
  readonly actor: { readonly osUser: string; readonly host: string }
  readonly ui: Ui
  readonly format: Format
  readonly globals: Globals
  /** The checked configuration; resolved on first use. */
  config(): Promise<Config>
  /**
   * The target database, connected on first use; the embedded server is started when it is the target and exists. For a read
   * command every transaction is read-only.
   */
  db(): Promise<Database>
  /** The replica where the profile names one, else the target. */
  readDb(): Promise<Database>
}

export interface Example {
  /** What follows `steward`. */
  readonly command: string
  readonly does: string
}

export interface Outcome {
  readonly view: View
  readonly exitCode: ExitCode
}

/** A destroy command between showing and doing. */
export interface Plan {
  readonly view: View
  /** Said, with exit 0, when there is nothing to do. */
  readonly nothing?: string | undefined
  /** Exit code when the plan is all there is. */
  readonly planCode: ExitCode
  /** e.g. `Delete 1 task and 41 rows that depend on it`; asked as a question, shown as the reason for `--yes`. */
  readonly action: string
  /** Name to type on production and for `--confirm`; the database's unless the command destroys something else. */
  readonly confirmName?: string
  /** What environment is at stake, for commands that destroy something else than rows of the target database. */
  readonly environment?: Environment | 'none'
  readonly apply: () => Promise<Outcome>
}

interface CommandBase {
  readonly name: string
  readonly aliases: readonly string[]
  readonly summary: string
  readonly description?: string
  readonly examples: readonly Example[]
  readonly flags: Flags
  readonly args: Arguments
  readonly hidden: boolean
  /** Creates the embedded server when no database is configured and there is none yet. */
  readonly bootstraps: boolean
}

/** A command as the mount layer sees it, its input type closed over. */
export type Command = CommandBase &
  (
    | {
        readonly effect: 'read' | 'write'
        readonly invoke: (context: Context, input: ParsedInput) => Promise<Outcome>
      }
    | {
        readonly effect: 'destroy'
        /** False for inputs so small that no question is due: then the plan is shown with `--dry-run` only. */
        readonly asks: (input: ParsedInput) => boolean
        readonly prepare: (context: Context, input: ParsedInput) => Promise<Plan>
      }
  )

/** Values by flag and argument name, each made by that flag's own `parse`. */
export type ParsedInput = Readonly<Record<string, unknown>>

export interface Group {
  readonly name: string
  readonly aliases?: readonly string[]
  readonly summary: string
  readonly description?: string
  readonly commands: readonly (Command | Group)[]
}

interface Declaration<F extends Flags, A extends Arguments> {
  readonly name: string
  readonly aliases?: readonly string[]
  readonly summary: string
  readonly description?: string
  readonly examples: readonly [Example, ...Example[]]
  readonly flags?: F
  readonly args?: A
  readonly hidden?: boolean
  readonly bootstraps?: boolean
}

/** Declares a command that reads or writes. `view` makes what is shown from what `run` returned. */
export function defineCommand<
  D,
  const F extends Flags = Record<never, never>,
  const A extends Arguments = Record<never, never>,
>(
  declared: Declaration<F, A> & {
    readonly effect: 'read' | 'write'
    readonly run: (context: Context, input: InputOf<F, A>) => Promise<D>
    readonly view: (data: D, input: InputOf<F, A>, context: Context) => View
    readonly exitCode?: (data: D, input: InputOf<F, A>) => ExitCode
  },
): Command {
  return {
    ...base(declared),
    effect: declared.effect,
    async invoke(context, parsed) {
      // The mount layer fills `parsed` from these very flags, so the shape is InputOf<F, A> by construction.
      const input = parsed as InputOf<F, A>
      const data = await declared.run(context, input)
      return { view: declared.view(data, input, context), exitCode: declared.exitCode?.(data, input) ?? 0 }
    },
  }
}

/** Declares a command that deletes or ends things: plan, question, then exactly the plan. Adds `--dry-run`. */
export function defineDestroyCommand<
  P,
  D,
  const F extends Flags = Record<never, never>,
  const A extends Arguments = Record<never, never>,
>(
  declared: Declaration<F, A> & {
    /** Reads only. */
    readonly plan: (context: Context, input: InputOf<F, A>) => Promise<P>
    readonly planView: (plan: P, input: InputOf<F, A>, context: Context) => View
    readonly nothing?: (plan: P) => string | undefined
    /** Exit code when the plan is all there is: there was nothing to do, or `--dry-run`; 0 when absent. */
    readonly planCode?: (plan: P) => ExitCode
    readonly action: (plan: P) => string
    readonly confirmName?: (plan: P) => string | undefined
    /** Whether this input is confirmed; always when absent. `task cancel <id>` is not, `task cancel --status …` is. */
    readonly asks?: (input: InputOf<F, A>) => boolean
    /** Absent: the environment of the target database decides how the plan must be confirmed. */
    readonly environment?: (plan: P) => Environment | 'none'
    readonly apply: (context: Context, input: InputOf<F, A>, plan: P) => Promise<D>
    readonly view: (data: D, input: InputOf<F, A>, context: Context) => View
    readonly exitCode?: (data: D) => ExitCode
  },
): Command {
  const common = base(declared)
  return {
    ...common,
    flags: { ...common.flags, dryRun: toggle('show the plan and stop') },
    effect: 'destroy',
    asks: (parsed) => declared.asks?.(parsed as InputOf<F, A>) ?? true,
    async prepare(context, parsed) {
      const input = parsed as InputOf<F, A>
      const plan = await declared.plan(context, input)
      const confirmName = declared.confirmName?.(plan)
      return {
        view: declared.planView(plan, input, context),
        nothing: declared.nothing?.(plan),
        planCode: declared.planCode?.(plan) ?? 0,
        action: declared.action(plan),
        ...(confirmName === undefined ? {} : { confirmName }),
        ...(declared.environment === undefined ? {} : { environment: declared.environment(plan) }),
        async apply() {
          const data = await declared.apply(context, input, plan)
          return { view: declared.view(data, input, context), exitCode: declared.exitCode?.(data) ?? 0 }
        },
      }
    },
  }
}

export function isGroup(entry: Command | Group): entry is Group {
  return 'commands' in entry
}

function base<F extends Flags, A extends Arguments>(declared: Declaration<F, A>): CommandBase {
  return {
    name: declared.name,
    aliases: declared.aliases ?? [],
    summary: declared.summary,
    ...(declared.description === undefined ? {} : { description: declared.description }),
    examples: declared.examples,
    flags: declared.flags ?? {},
    args: declared.args ?? {},
    hidden: declared.hidden ?? false,
    bootstraps: declared.bootstraps ?? false,
  }
}
