import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Asks again and again until something holds. A test that only waited would hang when it never does.
 *
 * @param what completes `waited in vain until`
 */
export async function until(what: string, holds: () => Promise<boolean>, { ms = 10_000 } = {}): Promise<void> {
  for (const deadline = Date.now() + ms; Date.now() < deadline; await sleep(5)) {
    if (await holds()) return
  }
  throw new Error(`waited in vain until ${what}`)
}
