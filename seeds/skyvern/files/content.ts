/** The bytes of artifact files, by type; equal facts give equal bytes. */
import { SECOND, timestampText } from '../../../src/seeds/calendar.ts'
import { Random } from '../../../src/seeds/random.ts'
import type { ArtifactType } from '../artifacts.ts'
import type { Task } from '../tasks.ts'
import { pdf } from './pdf.ts'
import { png } from './png.ts'

export interface FileFacts {
  readonly type: ArtifactType
  readonly seed: number
  /** Unique among artifacts; below zero for those of runs. */
  readonly number: number
  readonly task: Task | undefined
}

/** An EBML header that says webm, and an empty segment: a recording without a frame (RFC 8794, RFC 9559). */
const WEBM = Buffer.from(
  '1a45dfa39f4286810142f7810142f2810442f381084282847765626d4287810442858102185380678001ffff',
  'hex',
)

export function fileContent(facts: FileFacts): Buffer {
  const random = new Random(facts.seed, facts.number < 0 ? 'files of runs' : 'files').at(Math.abs(facts.number))
  switch (facts.type) {
    case 'screenshot_action':
    case 'screenshot_llm':
    case 'screenshot_step':
      return png(random)
    case 'recording':
      return WEBM
    case 'downloaded_file':
      return pdf(`Document ${random.hex(8)}`)
    case 'extracted_data':
      return Buffer.from(`${facts.task?.extracted ?? '{}'}\n`)
    case 'browser_logs':
      return Buffer.from(consoleLines(facts, random).join('\n') + '\n')
    case 'network_logs':
      return Buffer.from(
        requests(facts, random)
          .map((entry) => JSON.stringify(entry) + '\n')
          .join(''),
      )
    case 'har_file':
      return Buffer.from(JSON.stringify(har(facts, random), undefined, 1))
  }
}

const MESSAGES = [
  'INFO    Navigated to the start page',
  'WARNING Mixed content: a picture was loaded over http',
  'ERROR   Failed to load resource: the server responded with a status of 503',
  'INFO    Form "order" submitted',
  'WARNING Third-party cookie will be blocked 🍪',
]

function consoleLines(facts: FileFacts, random: Random): string[] {
  const from = facts.task?.startedAt ?? 0
  return Array.from(
    { length: random.between(3, 12) },
    (_, line) => `${timestampText(from + line * SECOND)} ${random.pick(MESSAGES)}`,
  )
}

function requests(facts: FileFacts, random: Random) {
  const from = facts.task?.startedAt ?? 0
  return Array.from({ length: random.between(2, 9) }, (_, entry) => ({
    at: timestampText(from + entry * SECOND),
    method: random.pick(['GET', 'GET', 'GET', 'POST']),
    url: `https://cdn.example/${random.hex(6)}.js`,
    status: random.pick([200, 200, 200, 304, 404, 503]),
    ms: random.between(8, 900),
  }))
}

function har(facts: FileFacts, random: Random) {
  const entries = requests(facts, random).map(({ at, method, url, status, ms }) => ({
    startedDateTime: `${at.slice(0, 10)}T${at.slice(11, 23)}Z`,
    time: ms,
    request: { method, url, httpVersion: 'HTTP/2', headers: [] },
    response: { status, httpVersion: 'HTTP/2', headers: [] },
  }))
  return { log: { version: '1.2', creator: { name: 'skyvern', version: '1' }, entries } }
}
