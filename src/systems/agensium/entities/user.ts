/**
 * Users (systems/agensium.md, "User Model"; decision 44). A new one gets its wallet with it. Whoever has tasks or ever
 * had a credit cannot be deleted (see migrations/agensium/initial/credits.ts); deactivating is for them.
 */
import { holdsAddress, holdsBcrypt } from '../../../model/checks.ts'
import { entity } from '../../../model/entity.ts'
import { boolean, createdAt, identityId, timestamp, updatedAt, varchar } from '../../../model/field.ts'
import { activation } from '../../../model/ready-made.ts'
import { email, lowerCase, notBlank } from '../../../model/rule.ts'
import { setPassword, verify } from '../operations/account.ts'

export const user = entity({
  name: 'user',
  table: 'users',
  summary: 'People with an account, a wallet and tasks',
  primaryKey: 'id',
  handle: 'email',
  fields: {
    id: identityId('integer', 'user id'),
    email: varchar(255, { summary: 'e-mail address, unique', rules: [email, lowerCase] }),
    hashed_password: varchar(255, {
      summary: 'password, stored as its bcrypt hash',
      settable: 'create',
      secret: true,
      sealed: { by: 'bcrypt', input: 'password' },
    }),
    full_name: varchar(100, { summary: 'name as written', rules: [notBlank] }),
    stripe_customer_id: varchar(255, { summary: 'customer id at Stripe, unique', nullable: true, rules: [notBlank] }),
    is_active: boolean({ summary: 'whether the user may log in', default: 'true', settable: 'never' }),
    is_verified: boolean({ summary: 'whether the address is verified', default: 'false', settable: 'never' }),
    otp_code: varchar(6, { summary: 'one-time code', nullable: true, settable: 'never', secret: true }),
    otp_expires_at: timestamp({ summary: 'when the one-time code ends', nullable: true, settable: 'never' }),
    otp_type: varchar(50, { summary: 'what the one-time code is for', nullable: true, settable: 'never' }),
    created_at: createdAt(),
    updated_at: updatedAt(),
  },
  uniques: [
    { name: 'uq_users_email', fields: ['email'] },
    { name: 'uq_users_stripe_customer_id', fields: ['stripe_customer_id'] },
  ],
  checks: [
    holdsAddress('chk_users_email', 'email'),
    holdsBcrypt('chk_users_hashed_password', 'hashed_password'),
    {
      name: 'chk_users_otp',
      expression: '((otp_code IS NULL) OR (otp_expires_at IS NOT NULL))',
      says: 'a one-time code has a time when it ends',
      fields: ['otp_code', 'otp_expires_at'],
    },
  ],
  indexes: [{ name: 'idx_users_created_at', on: ['created_at'] }],
  triggers: ['users_set_updated_at'],
  verbs: ['list', 'get', 'create', 'update', 'delete', 'count', 'export'],
  operations: [verify, setPassword, ...activation('user', 'the user can no longer log in or start tasks')],
  onCreate: [{ insert: 'wallet', values: { user_id: { row: 'id' } } }],
  list: {
    columns: ['id', 'email', 'full_name', 'is_active', 'is_verified', 'created_at'],
    sort: '-created_at',
    search: ['email', 'full_name', 'stripe_customer_id'],
    time: 'created_at',
  },
})
