/**
 * The talk between Steward and the person in front of it, as commands see it. `output/ui.ts` makes one; commands
 * only ever hold this interface, so that they load neither prompts nor spinner.
 */
import type { OnProgress } from '../progress.ts'

export interface Choice<T extends string> {
  readonly value: T
  readonly name?: string
  readonly description?: string
}

/** Talk with the person, all of it on stderr. Without a terminal nothing asks, and progress is silent. */
export interface Ui {
  /** True when questions can be asked: stdin and stderr are terminals and `--no-input` is absent. */
  readonly interactive: boolean
  /** A line of information; silent with `--quiet`. */
  note(line: string): void
  /** A line that must be seen, `--quiet` or not. */
  warn(line: string): void
  /** Only with `--verbose`. */
  detail(line: string): void
  readonly progress: OnProgress
  /** Clears the progress line; called before anything is printed and at the end. */
  endProgress(): void
  /** Yes or no, default no. Throws ConfirmationError when not interactive. */
  confirm(question: string): Promise<boolean>
  /** @param options.initial the answer to Enter alone; what is typed takes its place */
  input(
    question: string,
    options?: { readonly initial?: string; readonly validate?: (value: string) => string | true },
  ): Promise<string>
  secret(question: string): Promise<string>
  select<T extends string>(question: string, choices: readonly Choice<T>[], initial?: T): Promise<T>
  /** Opens `$VISUAL` or `$EDITOR` on the text. @returns the saved text */
  edit(text: string, extension: string): Promise<string>
}
