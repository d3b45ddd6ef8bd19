/**
 * What a platform's own sessions feel: short transactions at a fixed rate, whatever the ones before them took, so that
 * a stall counts for everybody who would have come meanwhile (G. Tene's coordinated omission).
 */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

/**
 * Runs transactions at a rate until told to end.
 *
 * @param kinds name → function that runs one transaction with a client
 * @returns an end that gives name → sorted latencies in milliseconds
 */
export async function startLoad({ url, kinds, sessions = 2, perSecond = 40 }) {
  const clients = []
  const latencies = Object.fromEntries(Object.keys(kinds).map((name) => [name, []]))
  let over = false
  const workers = []
  for (const [name, transaction] of Object.entries(kinds)) {
    for (let session = 0; session < sessions; session++) {
      const client = new pg.Client({ connectionString: url })
      await client.connect()
      clients.push(client)
      workers.push(work(name, transaction, client, session))
    }
  }

  async function work(name, transaction, client, session) {
    const every = (1000 * sessions) / perSecond
    // Sessions take turns.
    let due = performance.now() + (every * session) / sessions
    for (let number = 0; !over; number++) {
      await sleep(Math.max(0, due - performance.now()))
      await transaction(client, number * sessions + session)
      latencies[name].push(performance.now() - due)
      due += every
    }
  }

  return {
    async end() {
      over = true
      await Promise.all(workers)
      await Promise.all(clients.map((client) => client.end()))
      return Object.fromEntries(
        Object.entries(latencies).map(([name, list]) => [name, list.toSorted((a, b) => a - b)]),
      )
    },
  }
}

/** The value that this share of a sorted list does not exceed. */
export function percentile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
