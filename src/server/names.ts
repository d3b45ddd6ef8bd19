/** The embedded server's one database and one role. */
export const DATABASE = 'steward'
export const SUPERUSER = 'steward'
