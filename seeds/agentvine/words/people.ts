/** Users: name, username, role. Two of them are services. */
export const PEOPLE = [
  ['Ada Okafor', 'ada', 'admin'],
  ['Grigori Lind', 'grigori', 'developer'],
  ['Mei-Ling Zhao', 'meiling', 'developer'],
  ['Zoë Brûlé', 'zoe', 'developer'],
  ['Tomás Herrera', 'tomas', 'developer'],
  ['山田 花子', 'hanako', 'viewer'],
  ['CI service', 'svc-ci', 'developer'],
  ['Nightly planner', 'svc-planner', 'admin'],
  ['Søren Dahl', 'soren', 'viewer'],
  ["Aoife O'Neill", 'aoife', 'developer'],
] as const

export const WORKER_NAMES = ['vine', 'ivy', 'hops', 'clematis', 'wisteria', 'jasmine', 'kiwi', 'passiflora'] as const

export const REPOSITORIES = [
  'https://git.example.com/vine/controller',
  'https://git.example.com/vine/console',
  'https://git.example.com/shop/checkout',
  'https://git.example.com/shop/catalogue',
  'https://git.example.com/data/ingest',
] as const
