/**
 * Runs acceptance scripts: text files that read like a terminal session. Each command runs in bash against the built
 * `bin/steward.js`, in a home of its own with an embedded server of its own.
 *
 *   $ command            runs; must exit 0 unless an `exit` line follows
 *   NAME := command      runs and keeps its output, without the last newline, as $NAME for later commands
 *   exit 5               the exit code that the command before must have had
 *   stdout: text         a line of stdout, after the ones named before it; … stands for anything
 *   stderr: text         the same for stderr
 *   stdout empty         nothing was printed (also: stderr empty)
 *   # …                  a comment
 */
import { spawn } from 'node:child_process'

export interface Step {
  readonly line: number
  readonly command: string
  readonly keepAs?: string
  readonly exitCode: number
  readonly expected: readonly Expectation[]
}

export type Expectation = {
  readonly line: number
  readonly stream: 'stdout' | 'stderr'
  readonly pattern: string | null
}

export interface Ran {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** @throws SyntaxError naming the line that cannot be read */
export function parseTranscript(text: string): Step[] {
  const steps: { line: number; command: string; keepAs?: string; exitCode: number; expected: Expectation[] }[] = []
  for (const [index, raw] of text.split('\n').entries()) {
    const line = index + 1
    if (raw.trim() === '' || raw.startsWith('#')) continue
    const step = steps.at(-1)
    const command = /^\$ (.+)$/.exec(raw)
    const capture = /^([A-Z_]+) := (.+)$/.exec(raw)
    const exit = /^exit (\d+)$/.exec(raw)
    const output = /^(stdout|stderr)(?:: ?(.*)| (empty))$/.exec(raw)
    if (command?.[1]) steps.push({ line, command: command[1], exitCode: 0, expected: [] })
    else if (capture?.[1] && capture[2]) {
      steps.push({ line, command: capture[2], keepAs: capture[1], exitCode: 0, expected: [] })
    } else if (exit && step) step.exitCode = Number(exit[1])
    else if (output && step) {
      const stream = output[1] === 'stderr' ? 'stderr' : 'stdout'
      step.expected.push({ line, stream, pattern: output[3] === undefined ? (output[2] ?? '') : null })
    } else throw new SyntaxError(`line ${line}: cannot read: ${raw}`)
  }
  return steps
}

/** What is wrong with an outcome, in words; undefined when nothing is. */
export function mismatch(step: Step, ran: Ran): string | undefined {
  const shown = `\n$ ${step.command}\n--- stdout\n${ran.stdout}\n--- stderr\n${ran.stderr}`
  if (ran.exitCode !== step.exitCode) {
    return `line ${step.line}: exit ${ran.exitCode}, expected ${step.exitCode}${shown}`
  }
  const remaining = { stdout: ran.stdout.split('\n'), stderr: ran.stderr.split('\n') }
  for (const { line, stream, pattern } of step.expected) {
    if (pattern === null) {
      if (ran[stream] !== '') return `line ${line}: ${stream} is not empty${shown}`
      continue
    }
    const expression = new RegExp(`^\\s*${pattern.trim().split('…').map(escaped).join('.*')}\\s*$`, 'u')
    const at = remaining[stream].findIndex((candidate) => expression.test(candidate))
    if (at < 0) return `line ${line}: ${stream} has no line "${pattern}" from there on${shown}`
    remaining[stream] = remaining[stream].slice(at + 1)
  }
  return undefined
}

/** Runs a command in bash. */
export function runShell(command: string, env: NodeJS.ProcessEnv, cwd: string): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn('bash', ['-c', `set -o pipefail; ${command}`], {
      env,
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const output = { stdout: '', stderr: '' }
    child.stdout.on('data', (chunk) => {
      output.stdout += chunk
    })
    child.stderr.on('data', (chunk) => {
      output.stderr += chunk
    })
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ exitCode: code ?? (signal === null ? -1 : 128), ...output }))
  })
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
