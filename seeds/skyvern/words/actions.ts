/** What a browser agent does in a step, with the words it gives as its reason. */

export interface ActionWords {
  readonly type: string
  readonly labels: readonly string[]
  readonly reasons: readonly ((label: string) => string)[]
  /** Text typed into an element. */
  readonly texts?: readonly string[]
  /** The choice made, as JSON. */
  readonly options?: readonly string[]
  readonly files?: readonly string[]
  /** True where a point on the page was clicked. */
  readonly points?: boolean
}

const click: ActionWords = {
  type: 'click',
  labels: ['Submit', 'Continue', 'Download invoice', 'Weiter', '次へ', 'Accept cookies', 'Sign in', 'Buscar'],
  reasons: [
    (label) => `Clicking "${label}" moves the form to its next page.`,
    (label) => `"${label}" is the only enabled button and matches the goal.`,
    (label) => `The dialog covers the page; "${label}" closes it.`,
  ],
  points: true,
}
const type: ActionWords = {
  type: 'type',
  labels: ['Email', 'Order number', 'Vorname', 'Company', 'Search', '住所', 'Amount'],
  reasons: [
    (label) => `The field "${label}" is empty and required; the payload has its value.`,
    (label) => `Filling "${label}" from the navigation payload.`,
  ],
  texts: [
    'billing@acme-payables.example',
    'PO-48213',
    'Jürgen',
    '1.249,00',
    '東京都千代田区',
    'C:\\Users\\ops',
    '🚚 express',
  ],
}
const select: ActionWords = {
  type: 'select_option',
  labels: ['Country', 'Month', 'Policy type', 'Währung'],
  reasons: [(label) => `"${label}" offers the value that the payload asks for.`],
  options: [
    '{"label": "Germany", "value": "DE", "index": 4}',
    '{"label": "October", "value": "10", "index": 9}',
    '{"label": "Home & contents", "value": "home", "index": 1}',
    '{"label": "EUR (€)", "value": "EUR", "index": 0}',
  ],
}
const check: ActionWords = {
  type: 'check',
  labels: ['I agree to the terms', 'Remember me', 'Ich stimme zu'],
  reasons: [(label) => `The form cannot be sent before "${label}" is checked.`],
}
const uncheck: ActionWords = {
  type: 'uncheck',
  labels: ['Subscribe to the newsletter'],
  reasons: [(label) => `The goal does not ask for "${label}".`],
}
const scroll: ActionWords = {
  type: 'scroll',
  labels: ['page'],
  reasons: [() => 'The rest of the form is below the visible part of the page.'],
}
const scrollTo: ActionWords = {
  type: 'scroll_to_element',
  labels: ['Results table', 'Footer', 'Totals'],
  reasons: [(label) => `"${label}" has to be in view before it can be read.`],
}
const upload: ActionWords = {
  type: 'upload_file',
  labels: ['Choose file', 'Datei auswählen'],
  reasons: [(label) => `"${label}" accepts the document that the payload names.`],
  files: ['https://files.example/uploads/cv.pdf', 'https://files.example/uploads/invoice%20%231042.pdf'],
}
const download: ActionWords = {
  type: 'download_file',
  labels: ['Download PDF', 'Export CSV'],
  reasons: [(label) => `"${label}" gives the document that the goal asks for.`],
  files: ['https://files.example/downloads/statement.pdf'],
}
const navigate: ActionWords = {
  type: 'navigate',
  labels: ['address bar'],
  reasons: [
    () => 'Opening the page that the task starts from.',
    () => 'The link leads to the page named in the goal.',
  ],
}
const simple = (name: string, ...reasons: readonly [string, ...string[]]): ActionWords => ({
  type: name,
  labels: ['page'],
  reasons: reasons.map((reason) => () => reason),
})
const waitFor: ActionWords = {
  type: 'wait_for_element',
  labels: ['Results table', 'Spinner', 'Login form'],
  reasons: [(label) => `The page is still loading; waiting for "${label}".`],
}
const goBack = simple('go_back', 'The link was the wrong one; going back to the list.')
const goForward = simple('go_forward', 'The page before had nothing new.')
const refresh = simple('refresh', 'The page shows a stale session.\nReloading may help.')
const wait = simple('wait', 'The request is still in flight.', 'Giving the page time to settle ⏳')
const extract = simple(
  'extract',
  'All fields of the extraction goal are on this page.',
  'The table holds the data; reading it row by row.',
)
const screenshot = simple('screenshot', 'Keeping a picture of the state before the next action.')

export const COMPLETE = simple(
  'complete',
  'The confirmation page is shown; the goal is achieved. ✅',
  'All requested data has been collected.',
)
export const TERMINATE = simple('terminate', 'The page makes clear that the goal cannot be achieved.')

/** Actions by type of step, the commonest first. */
export const BY_STEP_TYPE: Readonly<Record<string, readonly ActionWords[]>> = {
  navigation: [navigate, click, waitFor, wait, goBack, refresh, goForward],
  action: [click, type, select, check, scroll, upload, download, wait, uncheck],
  extraction: [extract, scrollTo, scroll, screenshot],
  validation: [screenshot, wait, waitFor, scrollTo],
}
