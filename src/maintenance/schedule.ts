/**
 * What cron and systemd are given to run maintenance: text, correctly escaped for each. No flock around it: a run that
 * meets another one ends with 8 by itself, which is no failure here, as little as 9 (the time was over).
 */
import { dirname } from 'node:path'
import { UsageError } from '../errors.ts'

export interface Schedule {
  /** Absolute paths of the interpreter and the script, or what is on the PATH. */
  readonly program: readonly string[]
  /** Folder in which the configuration is found. */
  readonly folder: string
  /** Variables that the configuration depends on, none of them secret. */
  readonly variables: Readonly<Record<string, string>>
  readonly user: string
  /** Distinguishes the units of several profiles. */
  readonly profile: string
  readonly database: string
  /** Global flags: `--profile prod`, and how the run is confirmed. */
  readonly flags: readonly string[]
  /** Times of the day for all jobs: `02:30`. */
  readonly at: readonly TimeOfDay[]
  /** Minutes between two runs that only expire what stayed in a state for too long. */
  readonly expireEvery: number
  /** `2h`, as it is given to `--run-time`. */
  readonly runTime: string
  readonly metricsFile?: string | undefined
  /** File that cron's output is appended to. */
  readonly logFile: string
  /** The server that Steward runs itself is started by the run and outlives it. */
  readonly embedded: boolean
}

export interface TimeOfDay {
  readonly hour: number
  readonly minute: number
}

/** A file of systemd. */
export interface Unit {
  readonly path: string
  readonly text: string
}

const LEASE_HELD = 8
const WORK_LEFT = 9

const words = (schedule: Schedule, ...rest: readonly string[]) => [...schedule.program, ...schedule.flags, ...rest]

function allWords(schedule: Schedule): readonly string[] {
  const metrics = schedule.metricsFile === undefined ? [] : ['--metrics-file', schedule.metricsFile]
  return words(schedule, 'maintain', 'run', '--run-time', schedule.runTime, ...metrics)
}

function expireWords(schedule: Schedule): readonly string[] {
  return words(schedule, 'maintain', 'run', '--only', 'expire', '--run-time', `${schedule.expireEvery}m`)
}

/**
 * Lines for `crontab -e` (crontab(5)): one of all jobs for each time, one for expiry. cron mails what a line prints, so
 * output goes to the log, and a line is printed only for an exit code that somebody has to look at.
 *
 * @throws UsageError for a path with a line break, which a crontab cannot hold
 */
export function crontab(schedule: Schedule): string {
  const { profile, database, logFile, at, expireEvery } = schedule
  const log = shellWord(logFile)
  // Without it the shell could not open the log, and would run nothing.
  const folder = `mkdir -p ${shellWord(dirname(logFile))}`
  const line = (when: string, command: readonly string[]) => {
    const assignments = Object.entries(schedule.variables).map(([name, value]) => `${name}=${shellWord(value)}`)
    const run = [...assignments, ...command.map(shellWord)].join(' ')
    const [said, see] = [`steward maintain run of ${profile} ended with`, `see ${logFile}`].map(shellWord)
    const failed = `echo ${said} "$code," ${see}`
    const judged = `case $code in 0|${LEASE_HELD}|${WORK_LEFT}) ;; *) ${failed} ;; esac`
    return `${when} ${cronText(`cd ${shellWord(schedule.folder)} && ${folder} && ${run} >> ${log} 2>&1; code=$?; ${judged}`)}`
  }
  return [
    comment(
      `Maintenance of database ${database} (profile ${profile}); crontab -e as ${schedule.user}. Times are the server's local ones.`,
    ),
    comment(
      `${LEASE_HELD}: another run was at work; ${WORK_LEFT}: the time was over, the next run goes on. Neither is a failure.`,
    ),
    ...at.map(({ hour, minute }) => line(`${minute} ${hour} * * *`, allWords(schedule))),
    comment('States that lasted too long; without work it takes a moment.'),
    line(`*/${expireEvery} * * * *`, expireWords(schedule)),
    comment(`The log, for /etc/logrotate.d: ${logFile} { weekly rotate 8 compress missingok notifempty }`),
    '',
  ].join('\n')
}

/**
 * Services and timers (systemd.service(5), systemd.timer(5)).
 *
 * @throws UsageError for a path with a line break
 */
export function systemdUnits(schedule: Schedule): readonly Unit[] {
  const name = `steward-${unitName(schedule.profile)}`
  return [
    ...pair(schedule, `${name}-maintain`, 'all maintenance that is due', allWords(schedule), [
      ...schedule.at.map(({ hour, minute }) => `OnCalendar=*-*-* ${two(hour)}:${two(minute)}:00`),
      // A machine that slept through the night catches up.
      'Persistent=true',
    ]),
    ...pair(schedule, `${name}-expire`, 'states that lasted too long', expireWords(schedule), [
      `OnCalendar=*-*-* *:00/${schedule.expireEvery}:00`,
    ]),
  ]
}

function pair(
  schedule: Schedule,
  name: string,
  what: string,
  command: readonly string[],
  when: readonly string[],
): readonly Unit[] {
  // systemd refuses a program whose path holds quotes or backslashes, but not an argument.
  const [program = '', ...rest] = /["'\\]/.test(command[0] ?? '') ? ['/usr/bin/env', ...command] : command
  const description = `Description=${specifiers(`Steward: ${what}, database ${schedule.database} (profile ${schedule.profile})`)}`
  const service = [
    '[Unit]',
    description,
    'Wants=network-online.target',
    'After=network-online.target',
    '',
    '[Service]',
    'Type=oneshot',
    `User=${specifiers(schedule.user)}`,
    `WorkingDirectory=${specifiers(schedule.folder)}`,
    ...Object.entries(schedule.variables).map(([key, value]) => `Environment=${unitWord(`${key}=${value}`, false)}`),
    `ExecStart=${[unitWord(program, false), ...rest.map((word) => unitWord(word, true))].join(' ')}`,
    `# ${LEASE_HELD}: another run was at work; ${WORK_LEFT}: the time was over, the next run goes on.`,
    `SuccessExitStatus=${LEASE_HELD} ${WORK_LEFT}`,
    '# A stop ends it after the batch in flight.',
    'TimeoutStopSec=120',
    ...(schedule.embedded
      ? ['# The server that steward starts goes on when the run is over.', 'KillMode=process']
      : []),
    'Nice=10',
    'IOSchedulingClass=idle',
    '# What it says: journalctl -u ' + name,
    'StandardOutput=journal',
    'StandardError=journal',
    '',
  ]
  const timer = ['[Unit]', description, '', '[Timer]', ...when, '', '[Install]', 'WantedBy=timers.target', '']
  const file = (suffix: string, lines: readonly string[]) => ({
    path: `/etc/systemd/system/${name}.${suffix}`,
    text: lines.join('\n'),
  })
  return [file('service', service), file('timer', timer)]
}

/**
 * A word for the shell. A backslash and a percent sign are kept apart by two quotes: the escape of the percent sign, which
 * comes after, would make the backslash an escaped one for cron.
 */
function shellWord(word: string): string {
  refuseLineBreak(word)
  if (/^[\w@%+=:,./-]+$/.test(word)) return word
  return `'${word.replaceAll("'", "'\\''").replaceAll('\\%', "\\''%")}'`
}

/** An unescaped percent sign ends the command and begins its input (crontab(5)). */
function cronText(text: string): string {
  return text.replaceAll('%', '\\%')
}

/** Percent signs begin specifiers (systemd.unit(5)). */
function specifiers(text: string): string {
  refuseLineBreak(text)
  return text.replaceAll('%', '%%')
}

/**
 * A word of a command line or of `Environment=` (systemd.service(5), "Command lines"): in double quotes, where a
 * backslash escapes, and percent signs begin specifiers.
 *
 * @param expands whether a dollar sign begins a variable there: not in the path of the program, nor in an assignment
 */
function unitWord(word: string, expands: boolean): string {
  const text = expands ? specifiers(word).replaceAll('$', '$$$$') : specifiers(word)
  return /^[\w@%+=:,./$-]+$/.test(text) ? text : `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}

/** Unit names hold few characters (systemd.unit(5)). */
function unitName(profile: string): string {
  return profile.replaceAll(/[^A-Za-z0-9_.-]/g, '-')
}

function comment(text: string): string {
  refuseLineBreak(text)
  return `# ${text}`
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}

function refuseLineBreak(text: string): void {
  if (!/[\n\r\0]/.test(text)) return
  throw new UsageError({
    code: 'not-schedulable',
    message: 'A path or name with a line break cannot stand in a crontab or unit',
    hint: 'Move the installation, the configuration or the files to paths without one',
  })
}
