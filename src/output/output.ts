/** Everything that one run shows: the streams, the talk, and the renderer, put together for the entry point. */
import { render } from './render.ts'
import { type Env, openStream, type RawStream } from './streams.ts'
import { createUi, type InputStream } from './ui.ts'
import type { Ui } from './ui-types.ts'
import type { Format, View } from './view.ts'

export interface OutputOptions {
  readonly streams: { readonly stdin: InputStream; readonly stdout: RawStream; readonly stderr: RawStream }
  readonly env: Env
  readonly now: () => Date
  readonly format: Format
  readonly noColor: boolean
  readonly noInput: boolean
  readonly quiet: boolean
  readonly verbose: boolean
  /** Keys of secret columns to show. */
  readonly reveal: readonly string[]
  readonly fields?: readonly string[]
  readonly section?: string
  /** Ends an open question when the run is stopped. */
  readonly signal?: AbortSignal
  readonly platform?: NodeJS.Platform
}

export interface Output {
  readonly ui: Ui
  /**
   * Prints the result on stdout in the format asked for.
   *
   * @param outcome.changed the run was no read: wrong `--fields` are then a warning, since the deed is done
   */
  show(view: View, outcome?: { readonly changed: boolean }): Promise<void>
  /** Prints something to read before a question, on stderr and for people, whatever the format of the result. */
  tell(view: View): Promise<void>
}

export function createOutput(options: OutputOptions): Output {
  const { streams, env, now, format, noColor, noInput, quiet, verbose, reveal, fields, section } = options
  const platform = options.platform ?? 'linux'
  const stdout = openStream(streams.stdout, { env, noColor, platform })
  const stderr = openStream(streams.stderr, { env, noColor, platform })
  const ui = createUi({
    stdin: streams.stdin,
    stderr,
    env,
    noInput,
    quiet,
    verbose,
    now,
    platform,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  })
  return {
    ui,
    async show(view, { changed } = { changed: false }) {
      ui.endProgress()
      await render(view, { format, stdout, stderr, quiet, reveal, fields, section, changed, now: now() })
    },
    async tell(view) {
      ui.endProgress()
      await render(view, { format: 'table', stdout: stderr, stderr, quiet, reveal, now: now() })
    },
  }
}
