/**
 * Progress events as one line with a spinner on a terminal: what, how far, how fast, how long still. Nothing at all
 * in a pipe. The spinner is loaded only when there is something to wait for.
 */
import type { Ora } from 'ora'
import type { OnProgress, Progress } from '../progress.ts'
import { visible } from './escape.ts'
import { formatBytes, formatCount, formatSeconds } from './format.ts'
import type { Stream } from './streams.ts'
import { truncate } from './width.ts'

/** What is over sooner than this never shows a spinner. */
const PATIENCE_MS = 200
/** Redrawn ten times a second. */
const FRAME_MS = 100
/** A step that took at least this long leaves a line with what it did. */
const WORTH_KEEPING_MS = 2000

export interface ProgressLine {
  readonly report: OnProgress
  /** Removes the line. A long step that was finished leaves its summary. */
  end(): void
}

interface Step {
  progress: Progress
  readonly startedAt: number
  /** Done when the step began: work of an earlier run is no measure of speed. */
  readonly doneBefore: number
}

/** @param now the clock, for rate and remaining time */
export function createProgress(stream: Stream, now: () => Date): ProgressLine {
  if (!stream.canAnimate) return { report: () => {}, end: () => {} }
  let step: Step | undefined
  let spinner: Ora | undefined
  let timer: NodeJS.Timeout | undefined
  /** Counts the ends, so that a spinner still being loaded does not appear after its end. */
  let ended = 0

  async function start(): Promise<void> {
    const begun = ended
    const { default: ora } = await import('ora')
    if (begun !== ended || !step) return
    spinner = ora({
      stream: withWidth(stream),
      text: textOf(step),
      spinner: { interval: FRAME_MS, frames: framesFor(stream) },
      // Colours come with the frames; ora would ask stdout whether it has any.
      color: false,
      // Keys stay with the terminal: Ctrl-C must reach us as a signal.
      discardStdin: false,
      isEnabled: true,
    }).start()
  }

  const textOf = (current: Step) =>
    truncate(progressText(current.progress, elapsedOf(current), current.doneBefore), stream.width - 3, '')
  const elapsedOf = ({ startedAt }: Step) => now().getTime() - startedAt

  function leaveSummary(): void {
    if (!spinner || !step || !isFinished(step.progress) || elapsedOf(step) < WORTH_KEEPING_MS) return
    const { label, done, unit } = step.progress
    const took = formatSeconds(elapsedOf(step) / 1000)
    stream.say(`${stream.paint.green(stream.glyphs.tick)} ${visible(label)}  ${amount(done, unit)}  ${took}`)
  }

  return {
    report(progress) {
      if (step?.progress.label !== progress.label) {
        leaveSummary()
        step = { progress, startedAt: now().getTime(), doneBefore: progress.done }
      }
      step.progress = progress
      if (spinner) spinner.text = textOf(step)
      else timer ??= setTimeout(start, PATIENCE_MS).unref()
    },
    end() {
      ended++
      clearTimeout(timer)
      timer = undefined
      spinner?.stop()
      leaveSummary()
      spinner = undefined
      step = undefined
    },
  }
}

/**
 * The text of a progress line: `seeding tasks  12 345 / 100 000 rows  34 000 rows/s  3 s left`.
 *
 * @param elapsedMs since the step began
 * @param doneBefore what was already done then
 */
export function progressText(progress: Progress, elapsedMs: number, doneBefore: number): string {
  const { label, done, total, unit } = progress
  const parts = [visible(label)]
  const isCounted = total !== undefined || done > 0
  if (isCounted) {
    const share = total !== undefined && total > 0 ? ` (${Math.floor((Math.min(done, total) / total) * 100)}%)` : ''
    const sofar = unit === 'bytes' ? formatBytes(done) : formatCount(done)
    parts.push(`${total === undefined ? '' : `${sofar} / `}${amount(total ?? done, unit)}${share}`)
  }
  const rate = elapsedMs >= 500 ? ((done - doneBefore) / elapsedMs) * 1000 : 0
  if (rate > 0 && (unit === 'rows' || unit === 'bytes' || unit === 'files')) {
    parts.push(`${amount(rate < 10 ? Number(rate.toFixed(1)) : Math.round(rate), unit)}/s`)
  }
  if (rate > 0 && total !== undefined && done < total) {
    parts.push(`${formatSeconds(Math.max(1, Math.round((total - done) / rate)))} left`)
  }
  return parts.join('  ')
}

function amount(figure: number, unit: Progress['unit']): string {
  if (unit === 'bytes') return formatBytes(figure)
  return `${formatCount(figure)} ${figure === 1 ? singular(unit) : unit}`
}

function singular(unit: Progress['unit']): string {
  return unit === 'indexes' ? 'index' : unit.slice(0, -1)
}

function isFinished({ done, total }: Progress): boolean {
  return total !== undefined && done >= total
}

function framesFor({ unicode, paint }: Stream): string[] {
  const frames = unicode ? ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'] : ['|', '/', '-', '\\']
  return frames.map(paint.cyan)
}

/**
 * The stream with the width that we draw for. A terminal may say that it has 0 columns (a pty without a size); ora
 * would divide by that, and clear lines for ever.
 */
function withWidth(stream: Stream): Stream['raw'] {
  if (stream.raw.columns) return stream.raw
  return new Proxy(stream.raw, {
    get(target, key) {
      if (key === 'columns') return stream.width
      const value = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
