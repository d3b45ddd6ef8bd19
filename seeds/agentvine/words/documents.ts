/** Context documents with the versions that they went through: each adds its paragraph, or replaces the last one. */
export type DocumentType = 'design' | 'plan' | 'specification' | 'guide' | 'reference'

export interface DocumentWords {
  readonly title: string
  readonly type: DocumentType
  readonly tags: readonly string[]
  readonly paragraphs: readonly string[]
}

export const DOCUMENTS: readonly DocumentWords[] = [
  {
    title: 'Work queue',
    type: 'design',
    tags: ['queue', 'architecture'],
    paragraphs: [
      'Workers claim the oldest pending order of their queue. A claim makes an assignment and an execution.',
      'An order that fails goes back into the queue until its retries are used up.',
      'A worker that sends no heartbeat for 90 seconds is taken offline, and its orders are tried again.',
    ],
  },
  {
    title: 'Coding guidelines',
    type: 'guide',
    tags: ['style', 'typescript'],
    paragraphs: [
      'Write plain functions. Name things for what they hold.',
      'Comments give reasons; names carry the rest.',
    ],
  },
  {
    title: 'Authentication',
    type: 'specification',
    tags: ['security', 'authentication'],
    paragraphs: [
      'Passwords are hashed with bcrypt. Tokens live for 15 minutes.',
      'Refresh tokens are rotated with every use; one that is used twice ends the session.',
    ],
  },
  {
    title: 'Database conventions',
    type: 'reference',
    tags: ['postgresql', 'sql'],
    paragraphs: [
      'Every table has created_at and updated_at. Times are stored with their time zone.',
      'Every foreign key names what happens when its row goes, and has an index.',
      'Migrations are never edited once they were applied.',
    ],
  },
  {
    title: 'Quarterly plan',
    type: 'plan',
    tags: ['roadmap'],
    paragraphs: [
      'First the queue, then the console.',
      'First the queue and its reports, then the console, then the mobile application.',
      'The mobile application is postponed.',
      'The console comes in two steps: reading, then writing.',
    ],
  },
  {
    title: 'Review checklist',
    type: 'guide',
    tags: ['review', 'security'],
    paragraphs: ['Is every input checked? Is every error said? Could a smaller change do the same?'],
  },
  {
    title: 'Prüfung der Rechnungen',
    type: 'specification',
    tags: ['invoices', 'übersetzung'],
    paragraphs: [
      'Jede Rechnung wird gegen die Bestellung geprüft.',
      'Abweichungen von mehr als einem Cent werden gemeldet.',
    ],
  },
  {
    title: 'API reference',
    type: 'reference',
    tags: ['api', 'rest'],
    paragraphs: [
      'GET /tasks lists tasks. POST /tasks makes one.',
      'Lists are paged by a cursor; page numbers are gone.',
    ],
  },
]
