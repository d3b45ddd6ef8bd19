/** Words for an endpoint, the same in every message. */
import type { Endpoint } from '../config/config.ts'

/** True when the host is the directory of a Unix socket. */
export function isSocket(endpoint: Pick<Endpoint, 'host'>): boolean {
  return endpoint.host.startsWith('/')
}

/** File name of the server's Unix socket (PostgreSQL manual, 19.3.1, unix_socket_directories). */
export function socketPath(endpoint: Pick<Endpoint, 'host' | 'port'>): string {
  return `${endpoint.host}/.s.PGSQL.${endpoint.port}`
}

/** `db.example.org:5432`, `[::1]:5432`, or the socket's path. Never holds a secret. */
export function whereIs(endpoint: Pick<Endpoint, 'host' | 'port'>): string {
  if (isSocket(endpoint)) return socketPath(endpoint)
  return `${endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host}:${endpoint.port}`
}
