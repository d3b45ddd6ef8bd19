/** What is done to an account besides editing it. */
import { setPassword, switching, verify } from '../../../model/ready-made.ts'

export const accountOperations = [
  verify,
  setPassword,
  ...switching(
    'is_active',
    { name: 'activate', summary: 'Let the user log in again', already: 'active' },
    { name: 'deactivate', summary: 'Let the user log in no more; what the user made stays', already: 'inactive' },
  ),
]
