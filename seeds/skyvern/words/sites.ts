/** What tasks are about: sites, goals in several languages, payloads, and what is extracted. */
import type { Json } from '../../../src/errors.ts'
import type { Random } from '../../../src/seeds/random.ts'

type JsonObject = { readonly [key: string]: Json }

export interface Site {
  readonly url: (random: Random) => string
  readonly goals: readonly [string, ...string[]]
  readonly extractionGoal?: string
  readonly payload?: (random: Random) => JsonObject
  readonly extracted?: (random: Random) => JsonObject
  readonly proxies?: readonly string[]
  /** The site asks for a one-time password. */
  readonly totp?: boolean
  /** Completed tasks have a downloaded file. */
  readonly downloads?: boolean
}

const number = (random: Random, digits: number): string =>
  Array.from({ length: digits }, () => random.below(10)).join('')
const amount = (random: Random): string => `${random.between(9, 4999)}.${String(random.below(100)).padStart(2, '0')}`
const month = (random: Random): string => `2025-${String(random.between(1, 12)).padStart(2, '0')}`

/** In order of how many tasks they have. */
export const SITES: readonly Site[] = [
  {
    url: (random) => `https://suppliers.example/portal/${number(random, 5)}/invoices`,
    goals: [
      'Log in, open the invoice list and download every invoice of last month as PDF.',
      'Find the newest invoice and download it. Stop when the list says "No invoices found".',
    ],
    extractionGoal: 'Number, date and total of each invoice',
    payload: (random) => ({ supplier: `S-${number(random, 5)}`, month: month(random) }),
    extracted: (random) => ({
      invoices: Array.from({ length: random.between(1, 3) }, () => ({
        number: `INV-${number(random, 6)}`,
        total: amount(random),
        currency: random.pick(['EUR', 'USD', 'GBP']),
      })),
    }),
    proxies: ['RESIDENTIAL', 'US-NY'],
    downloads: true,
  },
  {
    url: (random) => `https://quotes.insurer.example/home?zip=${number(random, 5)}`,
    goals: ['Fill in the questionnaire with the payload and get a quote for home insurance. Do not buy it.'],
    extractionGoal: 'Monthly premium, deductible and the name of the plan',
    payload: (random) => ({
      zip: number(random, 5),
      living_space_sqm: random.between(35, 220),
      built: random.between(1920, 2022),
    }),
    extracted: (random) => ({ plan: random.pick(['Basic', 'Comfort', 'Premium+']), monthly_premium: amount(random) }),
    proxies: ['RESIDENTIAL'],
  },
  {
    url: (random) => `https://tracking.carrier.example/parcel/${number(random, 12)}`,
    goals: [
      '查询包裹的当前状态，并记录预计送达日期。',
      'Read the current state of the parcel and the expected day of delivery.',
    ],
    extractionGoal: 'State, place and expected date',
    extracted: (random) => ({
      state: random.pick(['in transit', 'delivered', 'held at customs', '派送中']),
      place: random.pick(['Hamburg', '上海', 'São Paulo', 'Rotterdam']),
      pieces: random.between(1, 4),
    }),
  },
  {
    url: (random) => `https://jobs.example/de/stelle/${number(random, 7)}`,
    goals: [
      'Bewerbung als „Data Engineer (m/w/d)“ ausfüllen, Lebenslauf hochladen und absenden.',
      'Fill in the application form, attach the CV and send it.\nIf a cover letter is required, use the text of the payload.',
    ],
    payload: (random) => ({
      first_name: random.pick(['Jürgen', 'Ada', 'Zoë', '美咲']),
      salary: random.between(48, 95) * 1000,
      cover_letter: 'Sehr geehrte Damen und Herren,\n\n"Daten" sind mein Beruf.',
    }),
    proxies: ['RESIDENTIAL_DE'],
  },
  {
    url: (random) => `https://banking.example/accounts/${number(random, 8)}/statements`,
    goals: ['Log in with the one-time password and download the statement of the month in the payload.'],
    payload: (random) => ({ month: month(random), format: random.pick(['pdf', 'csv']) }),
    extractionGoal: 'Opening and closing balance',
    extracted: (random) => ({ opening: amount(random), closing: amount(random) }),
    proxies: ['RESIDENTIAL_GB', 'RESIDENTIAL'],
    totp: true,
    downloads: true,
  },
  {
    url: (random) =>
      `https://vols.example/recherche?de=${random.pick(['CDG', 'LYS', 'NCE'])}&vers=${random.pick(['JFK', 'NRT', 'GRU'])}`,
    goals: ['Trouver le vol aller-retour le moins cher, départ un vendredi, et noter le prix total.'],
    extractionGoal: 'Airline, price and duration of the cheapest flight',
    payload: (random) => ({ adultes: random.between(1, 4), bagages: random.chance(0.5) }),
    extracted: (random) => ({
      compagnie: random.pick(['AirExemple', 'Ciel+']),
      prix: amount(random),
      escales: random.below(3),
    }),
    proxies: ['RESIDENTIAL_FR'],
  },
  {
    url: (random) => `https://shop.example/jp/item/${number(random, 6)}`,
    goals: ['商品の価格と在庫状況を確認し、最安値の店舗を記録してください。'],
    extractionGoal: '価格、在庫、店舗名',
    extracted: (random) => ({
      価格: random.between(500, 98_000),
      在庫: random.chance(0.8),
      店舗: random.pick(['本店', '渋谷店']),
    }),
    proxies: ['RESIDENTIAL_JP'],
  },
  {
    url: () => 'https://www.example.org/contact',
    goals: ['Fill in the contact form with the payload and send it 📨. Close the "Rate us" dialog if it appears.'],
    payload: (random) => ({
      subject: random.pick(['Quote', 'Returns', 'It\'s "urgent" 🙏']),
      message: 'Hello,\nplease call me back.\n\nThanks',
    }),
  },
  {
    url: (random) => `https://sede.gob.example/tramites/permiso/${number(random, 6)}`,
    goals: ['Rellenar la solicitud de permiso de obra menor y descargar el justificante.'],
    payload: (random) => ({
      expediente: `EXP/${number(random, 4)}`,
      municipio: random.pick(['Cádiz', 'Logroño', 'A Coruña']),
    }),
    proxies: ['RESIDENTIAL_ES'],
    downloads: true,
  },
  {
    url: (random) => `https://register.example/firmen?hrb=${number(random, 5)}`,
    goals: ['Handelsregisterauszug der Firma suchen und Geschäftsführer, Sitz und Stammkapital auslesen.'],
    extractionGoal: 'Geschäftsführer, Sitz, Stammkapital',
    extracted: (random) => ({
      sitz: random.pick(['Köln', 'München', 'Lübeck']),
      stammkapital_eur: random.pick([25_000, 50_000, 100_000]),
      geschaeftsfuehrer: ['Lena Hoffmann'],
    }),
    proxies: ['RESIDENTIAL_DE'],
  },
  {
    url: (random) => `https://compras.example/pedidos/novo?cnpj=${number(random, 14)}`,
    goals: ['Criar um pedido de compra com os itens informados e guardar o número de confirmação.'],
    extractionGoal: 'Número de confirmação',
    payload: (random) => ({ itens: [{ codigo: number(random, 6), quantidade: random.between(1, 50) }] }),
    extracted: (random) => ({ confirmacao: `PC-${number(random, 7)}` }),
  },
  {
    url: () => 'https://bank.example.sa/statement',
    goals: ['سجّل الدخول وحمّل كشف الحساب للشهر الماضي.'],
    totp: true,
    downloads: true,
  },
]
