/** Why things fail, the commonest first: drawn by rank, so the first three make up about half. */
export const TASK_FAILURES = [
  'Timed out after 30 s waiting for the page to load',
  'Element not found: the submit button is missing from the page',
  'Login failed: the site rejected the credentials',
  'CAPTCHA could not be solved after 3 attempts',
  'Reached the maximum of steps without achieving the goal',
  'The site returned HTTP 503 Service Unavailable',
  'Blocked by bot protection (HTTP 403)',
  'One-time password was not received within 120 s',
  'Navigation goal is ambiguous: several forms match',
  'Proxy connection reset by peer',
  'Browser session ended unexpectedly (target closed)',
  'Zertifikat der Seite ist abgelaufen (NET::ERR_CERT_DATE_INVALID)',
  'The form said:\n"Bitte füllen Sie alle Pflichtfelder aus"\nand kept the page open',
  'エラーが発生しました。しばらくしてから再度お試しください',
  'File upload refused: path C:\\temp\\invoice.pdf is not reachable from the browser ⚠️',
] as const

export const TERMINATIONS = [
  'Terminated: the goal cannot be achieved, the item is out of stock',
  'Terminated: the account has no permission for this page',
  'Terminated: the page asks for a payment that the goal does not mention',
  'Terminated by the operator',
] as const

export const RUN_FAILURES = [
  'Block failed and continue_on_failure is off',
  'Login block: the site rejected the credentials',
  'Extraction returned no data that fits the schema',
  'Download did not finish within 300 s',
  'Validation failed: totals do not add up',
  'Loop block stopped after 50 iterations',
  'HTTP request block got status 502',
] as const
