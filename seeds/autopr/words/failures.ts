/** Why things fail, the commonest first: drawn by rank, so the first three make up about half. */
export const EXECUTION_FAILURES = [
  'Tests failed: 3 of 812',
  'Deployment did not become ready within 300 s: 2 of 3 pods available',
  'Rate limit of the GitHub API exceeded, resets in 41 min',
  'Merge conflict in src/routes/checkout.ts',
  'The model returned no valid summary after 3 attempts',
  'Image build failed: exit code 1 in step 7/12',
  'Credentials of the integration were refused (HTTP 401)',
  'Approval was denied by release-manager',
  'Database snapshot is older than 24 h',
  'Zertifikat abgelaufen: registry.corp.example',
  'Pull request was closed while the workflow ran',
  'Smoke test said:\n"unerwarteter Status 502"\nfor /healthz',
  'Disk quota exceeded on C:\\agent\\work ⚠️',
] as const

export const EVENT_FAILURES = [
  'No workflow could be started: the workflow is not active',
  'Payload has no repository',
  'Signature does not match',
  'Integration answered HTTP 503',
  'Installation was suspended',
] as const

export const REMARKS = [
  ['DEBUG', 'Cache hit for {n} of 900 layers'],
  ['DEBUG', 'Request took {n} ms'],
  ['INFO', 'Deployed {n} pods'],
  ['WARNING', 'Slow response from the cluster: {n} ms'],
  ['WARNING', 'Retrying after HTTP 429, {n} s'],
  ['INFO', 'Übersprungen: {n} unveränderte Dateien'],
] as const
