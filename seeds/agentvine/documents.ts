/** Context documents, with every version that they had. */
import { DAY, HOUR, timestampText } from '../../src/seeds/calendar.ts'
import type { SeedRow } from '../../src/seeds/definition.ts'
import { seedUuid } from '../../src/seeds/ids.ts'
import { Random } from '../../src/seeds/random.ts'
import { NUMBERS } from './tables.ts'
import { DOCUMENTS, type DocumentWords } from './words/documents.ts'
import { REPOSITORIES } from './words/people.ts'
import type { World } from './world.ts'

interface Version {
  readonly content: string
  readonly tags: string
  readonly at: number
}

interface Document {
  readonly index: number
  readonly id: string
  readonly title: string
  readonly words: DocumentWords
  readonly versions: readonly Version[]
}

/** Versions of one document at most. */
const MOST = 16

export function documentCount(tasks: number): number {
  return tasks <= 10_000 ? DOCUMENTS.length * 2 : DOCUMENTS.length * 20
}

function* documentsOf(world: World): Generator<Document> {
  const source = new Random(world.parameters.seed, 'documents')
  const { from, until } = world.calendar
  const count = documentCount(world.parameters.size)
  for (let index = 0; index < count; index++) {
    const random = source.at(index)
    const words = DOCUMENTS[index % DOCUMENTS.length]
    if (words === undefined) continue
    const createdAt = from - random.between(1, 60) * DAY
    const round = Math.floor(index / DOCUMENTS.length)
    const title = round === 0 ? words.title : `${words.title} (part ${round + 1})`
    const step = Math.floor((until - from) / (words.paragraphs.length + 1))
    yield {
      index,
      id: seedUuid(NUMBERS.documents, createdAt, index),
      title,
      words,
      versions: words.paragraphs.map((_, place) => ({
        content: `# ${title}\n\n${words.paragraphs.slice(0, place + 1).join('\n\n')}\n`,
        // The last version of a document has all its tags.
        tags: arrayText(place === words.paragraphs.length - 1 ? words.tags : words.tags.slice(0, 1)),
        at: place === 0 ? createdAt : from + place * step + random.below(20 * HOUR),
      })),
    }
  }
}

/** Rows of `context_documents`: the last version of each. */
export function* documentRows(world: World): Generator<SeedRow> {
  const source = new Random(world.parameters.seed, 'document rows')
  for (const { index, id, title, words, versions } of documentsOf(world)) {
    const random = source.at(index)
    const [first, last] = [versions[0], versions.at(-1)]
    if (first === undefined || last === undefined) continue
    const author = random.pick(world.users)
    const deletedAt = index % 11 === 9 ? last.at + HOUR : undefined
    yield [
      id,
      title,
      words.type,
      last.content,
      random.chance(0.6) ? random.pick(REPOSITORIES) : null,
      last.tags,
      '{}',
      author.id,
      timestampText(first.at),
      timestampText(deletedAt ?? last.at),
      versions.length,
      deletedAt === undefined ? null : timestampText(deletedAt),
    ]
  }
}

/** Rows of `context_document_versions`, the present one of each document among them. */
export function* versionRows(world: World): Generator<SeedRow> {
  for (const { index, id, title, words, versions } of documentsOf(world)) {
    for (const [place, { content, tags, at }] of versions.entries()) {
      const number = seedUuid(NUMBERS.versions, at, index * MOST + place)
      yield [number, id, place + 1, title, words.type, content, tags, timestampText(at), timestampText(at)]
    }
  }
}

/** An array of words as PostgreSQL reads it; none of them has a quote or a backslash. */
function arrayText(words: readonly string[]): string {
  return `{${words.map((word) => `"${word}"`).join(',')}}`
}
