/** An endpoint as a connection URL that psql, libpq and node-postgres all read (PostgreSQL manual, 34.1.1.2). */
import type { Endpoint } from '../config/config.ts'

/**
 * The URL, password included where there is one. A socket's directory stands as the parameter `host`, because an
 * authority cannot hold a path.
 */
export function connectionUrl(endpoint: Endpoint): string {
  const database = encodeURIComponent(endpoint.database)
  if (endpoint.host.startsWith('/')) {
    const directory = endpoint.host.split('/').map(encodeURIComponent).join('/')
    const user = encodeURIComponent(endpoint.user)
    return `postgresql:///${database}?host=${directory}&port=${endpoint.port}&user=${user}`
  }
  const user = [endpoint.user, endpoint.password]
    .filter((part) => part !== undefined)
    .map(encodeURIComponent)
    .join(':')
  const host = endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host
  return `postgresql://${user}@${host}:${endpoint.port}/${database}`
}
