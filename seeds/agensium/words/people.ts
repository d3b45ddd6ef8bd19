/** The people who have accounts, and the domains of their addresses. All invented. */

/** Full name and the part of the address before the @. */
export const PEOPLE: readonly (readonly [name: string, mailbox: string])[] = [
  ['Marta Lindqvist', 'marta'],
  ['Daniel Okonkwo', 'd.okonkwo'],
  ['Élodie Marchand', 'elodie.marchand'],
  ['山田 太郎', 'taro.yamada'],
  ['Hannah Weißbach', 'h.weissbach'],
  ["Conor D'Arcy", 'conor.darcy'],
  ['Beatriz Nogueira', 'bea'],
  ['Oleksii Kovalenko', 'oleksii'],
  ['김서연', 'seoyeon.kim'],
  ['Amara Diallo', 'amara.diallo'],
  ['Rahul "RJ" Joshi', 'rj'],
  ['Signe Østergaard', 'signe'],
  ['نور الهاشمي', 'noor.hashimi'],
  ['Giulia Ferraro', 'giulia.ferraro'],
  ['Petr Dvořák', 'petr.dvorak'],
  ['Mei-Ling Chou', 'meiling'],
  ['Thabo Mokoena', 't.mokoena'],
  ['Irène Vasseur', 'irene'],
  ['Lukas Brandt', 'lukas.brandt'],
  ['Δήμητρα Λάμπρου', 'dimitra'],
]

export const DOMAINS = [
  'tidewater-analytics.example',
  'brightside-crm.example',
  'kanzlei-vogel.example',
  'lagunaseguros.example',
  'mail.example',
  'northfield-health.example',
  'oakandiron.example',
] as const
