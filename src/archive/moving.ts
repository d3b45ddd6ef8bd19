/** What every transaction says in which Steward moves rows, out of their tables or back into them. */

/**
 * Triggers that keep the time of a row's last change ask for it (migrations/keep-time.ts): a row that is moved, or whose
 * reference to a moved one is let go of or put back, was changed by nobody.
 */
export const MOVING: Readonly<Record<string, string>> = { 'steward.moving': 'on' }
