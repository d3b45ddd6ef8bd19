/** What an integration has besides being enabled: its health and its credentials (decision 35). */
import type { AssignOperation, RotateOperation } from '../../../model/operation.ts'

export const recordHealth: AssignOperation = {
  kind: 'assign',
  name: 'record-health',
  summary: 'Record what a health check found',
  when: {},
  set: {},
  takes: { health_status: 'required' },
  stamps: ['last_health_check'],
  otherwise: 'cannot be checked',
}

export const setCredentials: AssignOperation = {
  kind: 'assign',
  name: 'credentials set',
  summary: 'Store the credentials of the integration, encrypted',
  when: {},
  set: {},
  takes: { credentials_encrypted: 'required' },
  otherwise: 'cannot take credentials',
}

export const rotateCredentials: RotateOperation = {
  kind: 'rotate',
  name: 'credentials rotate',
  summary: 'Encrypt all stored credentials again under a new key',
  field: 'credentials_encrypted',
}
