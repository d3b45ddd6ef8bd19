/**
 * Browser sessions. Some work runs in a session that stays open; the next piece of work of the same organization uses
 * it again while it is open. Sessions do not reach over the border of a block, so blocks stay independent.
 */
import { MINUTE, SECOND, timestampText } from '../../src/seeds/calendar.ts'
import type { SeedRow } from '../../src/seeds/definition.ts'
import { seedId } from '../../src/seeds/ids.ts'
import type { Random } from '../../src/seeds/random.ts'

export interface Session {
  readonly id: string
  readonly organizationId: string
  readonly createdAt: number
  /** Undefined while it waits for work that is queued. */
  readonly startedAt: number | undefined
  readonly timeout: number
  readonly outcome: 'completed' | 'failed' | 'timeout'
  /** End of the last work in it. */
  usedUntil: number
  /** Something in it is still running. */
  open: boolean
}

/** How long a session stays open for more work. */
const REUSE = 20 * MINUTE

export class Sessions {
  readonly all: Session[] = []
  readonly #latest = new Map<string, Session>()

  /**
   * The session for a piece of work, or none.
   *
   * @param sequence number that no other session of the same hours has
   * @param endedAt undefined while the work is running
   */
  take(
    random: Random,
    work: { organizationId: string; startedAt: number; endedAt: number | undefined; sequence: number },
  ): Session | undefined {
    const { organizationId, startedAt, endedAt, sequence } = work
    const draw = random.fraction()
    if (draw > 0.35) return undefined
    const latest = this.#latest.get(organizationId)
    const end = endedAt ?? startedAt
    if (latest !== undefined && latest.createdAt <= startedAt && startedAt < latest.createdAt + REUSE) {
      latest.usedUntil = Math.max(latest.usedUntil, end)
      latest.open ||= endedAt === undefined
      return latest
    }
    const outcome = draw < 0.02 ? 'failed' : draw < 0.06 ? 'timeout' : 'completed'
    const timeout = random.pick([1800, 3600, 3600, 7200])
    const opened = startedAt - random.between(SECOND, 8 * SECOND)
    const session: Session = {
      id: seedId('pbs', opened, sequence),
      organizationId,
      createdAt: opened,
      startedAt: opened,
      timeout,
      outcome,
      usedUntil: end,
      open: endedAt === undefined,
    }
    this.#latest.set(organizationId, session)
    this.all.push(session)
    return session
  }

  /** A session that was asked for by work that waits in the queue. */
  reserve(organizationId: string, createdAt: number, sequence: number): Session {
    const session: Session = {
      id: seedId('pbs', createdAt, sequence),
      organizationId,
      createdAt,
      startedAt: undefined,
      timeout: 3600,
      outcome: 'completed',
      usedUntil: createdAt,
      open: true,
    }
    this.all.push(session)
    return session
  }
}

export function sessionRow(session: Session, until: number): SeedRow {
  const { createdAt, startedAt, usedUntil, timeout, outcome } = session
  const end = outcome === 'timeout' ? createdAt + timeout * SECOND : usedUntil + 5 * SECOND
  const endedAt = session.open ? undefined : Math.min(Math.max(usedUntil, end), until - 1)
  const status = startedAt === undefined ? 'created' : session.open ? 'running' : outcome
  return [
    session.id,
    session.organizationId,
    status,
    timeout,
    startedAt === undefined ? null : timestampText(startedAt),
    endedAt === undefined ? null : timestampText(endedAt),
    timestampText(createdAt),
    timestampText(endedAt ?? createdAt),
  ]
}
