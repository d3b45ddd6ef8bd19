/** Workflow templates: definitions with their blocks, JSON Schemas for parameters, and parameters that satisfy them. */
import type { Json } from '../../../src/errors.ts'
import type { Random } from '../../../src/seeds/random.ts'

type JsonObject = { readonly [key: string]: Json }

export interface BlockWords {
  readonly type: string
  readonly label: string
  readonly goal?: string
  /** Median of its duration in seconds. */
  readonly seconds: number
  /** How often runs fail here, compared with the other blocks. */
  readonly fails: number
}

export interface WorkflowWords {
  readonly title: string
  readonly description: string | null
  readonly blocks: readonly BlockWords[]
  /** Blocks that version 2 and later have besides, before the last one. */
  readonly later: readonly BlockWords[]
  readonly schema: JsonObject | null
  readonly parameters: (random: Random) => JsonObject | null
  readonly outputs: (random: Random) => JsonObject
}

const day = (random: Random): string =>
  `2025-${String(random.between(1, 12)).padStart(2, '0')}-${String(random.between(1, 28)).padStart(2, '0')}`

export const WORKFLOWS: readonly WorkflowWords[] = [
  {
    title: 'Monthly invoice collection',
    description: 'Logs in to each supplier portal, downloads the invoices of the month and mails them to accounting.',
    blocks: [
      { type: 'login', label: 'sign_in', goal: 'Sign in to the portal', seconds: 14, fails: 5 },
      { type: 'navigation', label: 'open_invoices', goal: 'Open the list of invoices', seconds: 9, fails: 1 },
      {
        type: 'file_download',
        label: 'download',
        goal: 'Download every invoice of the month',
        seconds: 65,
        fails: 6,
      },
      { type: 'send_email', label: 'mail', seconds: 2, fails: 0.3 },
    ],
    later: [
      { type: 'validation', label: 'check_totals', goal: 'Compare totals with the list', seconds: 6, fails: 2 },
    ],
    schema: {
      type: 'object',
      properties: {
        supplier_url: { type: 'string', format: 'uri' },
        month: { type: 'string', pattern: '^\\d{4}-\\d{2}$' },
        recipients: { type: 'array', items: { type: 'string', format: 'email' }, minItems: 1 },
      },
      required: ['supplier_url', 'month'],
      additionalProperties: false,
    },
    parameters: (random) => ({
      supplier_url: `https://suppliers.example/portal/${random.between(10_000, 99_999)}`,
      month: day(random).slice(0, 7),
      ...(random.chance(0.7) ? { recipients: ['accounting@acme-payables.example'] } : {}),
    }),
    outputs: (random) => ({ files: random.between(1, 14), total: `${random.between(100, 90_000)}.00` }),
  },
  {
    title: 'Angebotsvergleich Hausrat',
    description: 'Holt Angebote von drei Versicherern und vergleicht „Beitrag“ und Selbstbeteiligung.',
    blocks: [
      { type: 'task', label: 'angebot_a', goal: 'Angebot von Versicherer A einholen', seconds: 48, fails: 4 },
      { type: 'task', label: 'angebot_b', goal: 'Angebot von Versicherer B einholen', seconds: 39, fails: 2 },
      { type: 'extraction', label: 'vergleich', goal: 'Beiträge auslesen', seconds: 11, fails: 1 },
    ],
    later: [{ type: 'task', label: 'angebot_c', goal: 'Angebot von Versicherer C einholen', seconds: 95, fails: 9 }],
    schema: {
      type: 'object',
      properties: {
        plz: { type: 'string', pattern: '^\\d{5}$' },
        wohnflaeche: { type: 'integer', minimum: 10, maximum: 500 },
        beginn: { type: 'string', format: 'date' },
      },
      required: ['plz', 'wohnflaeche'],
    },
    parameters: (random) => ({
      plz: String(random.between(10_115, 99_998)),
      wohnflaeche: random.between(25, 240),
      beginn: day(random),
    }),
    outputs: (random) => ({ bestes_angebot: random.pick(['A', 'B', 'C']), beitrag_eur: random.between(4, 60) }),
  },
  {
    title: 'Vendor onboarding',
    description: null,
    blocks: [
      { type: 'navigation', label: 'open_form', goal: 'Open the onboarding form', seconds: 8, fails: 1 },
      { type: 'task', label: 'fill_form', goal: 'Fill in the form from the parameters', seconds: 55, fails: 5 },
      { type: 'validation', label: 'confirm', goal: 'The page shows a vendor number', seconds: 4, fails: 1.5 },
    ],
    later: [{ type: 'upload_to_s3', label: 'keep_receipt', seconds: 3, fails: 0.5 }],
    schema: {
      type: 'object',
      properties: {
        company: { type: 'string', minLength: 1 },
        country: { enum: ['DE', 'FR', 'JP', 'BR', 'US'] },
        vat_id: { type: ['string', 'null'] },
        priority: { type: 'integer', minimum: 0, maximum: 5, default: 3 },
      },
      required: ['company', 'country'],
      additionalProperties: false,
    },
    parameters: (random) => ({
      company: random.pick(['Saffron Foods', 'Fjord Energi AS', '明日物流', 'Rio Claro "Importação"']),
      country: random.pick(['DE', 'FR', 'JP', 'BR', 'US']),
      vat_id: random.chance(0.6) ? `DE${random.between(100_000_000, 999_999_999)}` : null,
      priority: random.between(0, 5),
    }),
    outputs: (random) => ({ vendor_number: `V-${random.between(10_000, 99_999)}` }),
  },
  {
    title: '在庫と価格の巡回',
    description: '登録した商品ページを巡回し、価格と在庫の変化を記録します。📈',
    blocks: [
      { type: 'for_loop', label: 'each_item', seconds: 120, fails: 3 },
      { type: 'extraction', label: 'read_price', goal: '価格を読む', seconds: 16, fails: 2 },
      { type: 'code', label: 'diff', seconds: 1, fails: 0.4 },
      { type: 'http_request', label: 'notify', seconds: 2, fails: 1.2 },
    ],
    later: [],
    schema: {
      type: 'object',
      properties: {
        items: { type: 'array', items: { type: 'string' }, minItems: 1, maxItems: 50 },
        notify: { type: 'boolean', default: true },
      },
      required: ['items'],
    },
    parameters: (random) => ({
      items: Array.from({ length: random.between(1, 5) }, () => `SKU-${random.between(1000, 9999)}`),
      notify: random.chance(0.8),
    }),
    outputs: (random) => ({ changed: random.below(5), checked: random.between(1, 50) }),
  },
  {
    title: 'Customs declaration',
    description:
      'Files the declaration, waits for clearance and keeps the receipt.\nRuns only for parcels above the threshold.',
    blocks: [
      { type: 'login', label: 'sign_in', goal: 'Sign in with the one-time password', seconds: 21, fails: 4 },
      { type: 'task', label: 'declare', goal: 'Enter the items of the parcel', seconds: 70, fails: 3 },
      { type: 'wait', label: 'clearance', seconds: 240, fails: 1 },
      { type: 'file_download', label: 'receipt', goal: 'Download the receipt', seconds: 18, fails: 1.5 },
    ],
    later: [
      { type: 'validation', label: 'duty', goal: 'The duty is within the expected range', seconds: 5, fails: 1 },
    ],
    schema: {
      type: 'object',
      properties: {
        parcel: { type: 'string', pattern: '^[A-Z]{2}\\d{9}[A-Z]{2}$' },
        value_eur: { type: 'number', exclusiveMinimum: 0 },
      },
      required: ['parcel', 'value_eur'],
    },
    parameters: (random) => ({
      parcel: `RB${random.between(100_000_000, 999_999_999)}CN`,
      value_eur: random.between(100, 900_000) / 100,
    }),
    outputs: (random) => ({ duty_eur: random.between(0, 400), cleared: true }),
  },
  {
    title: 'Nightly smoke check',
    description: 'Opens the start page and checks that the sign-in form is there.',
    blocks: [
      { type: 'navigation', label: 'open', goal: 'Open the start page', seconds: 5, fails: 1 },
      { type: 'validation', label: 'form_present', goal: 'There is a sign-in form', seconds: 3, fails: 0.5 },
    ],
    later: [],
    schema: null,
    parameters: () => null,
    outputs: () => ({ ok: true }),
  },
]
