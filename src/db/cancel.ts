/**
 * Cancels a running statement with a cancel request on a second connection (PostgreSQL manual, 54.2.8). It works
 * where all connection slots are taken, and through PgBouncer, where the process id is the pooler's own.
 */
import { connect as connectPlain, isIP, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import type { Endpoint } from '../config/config.ts'
import { isSocket, socketPath } from './endpoint.ts'

const SSL_REQUEST = 80877103
const CANCEL_REQUEST = 80877102

/** Milliseconds; a server that does not take the request by then has other troubles. */
const PATIENCE = 2000

/**
 * Asks the server to cancel what the backend runs. Resolves when the server has taken the request or could not be
 * reached: the outcome shows in the statement itself.
 *
 * @param tls options of the connection to cancel, so that a proxy that demands TLS is satisfied
 */
export function requestCancel(
  endpoint: Endpoint,
  backend: { readonly processId: number; readonly secretKey: number },
  tls: ConnectionOptions | undefined,
): Promise<void> {
  return new Promise((resolve) => {
    const socket = isSocket(endpoint)
      ? connectPlain(socketPath(endpoint))
      : connectPlain(endpoint.port, endpoint.host)
    const done = () => {
      clearTimeout(timer)
      socket.destroy()
      resolve()
    }
    const timer = setTimeout(done, PATIENCE)
    socket.once('error', done).once('close', done)
    const message = words(16, CANCEL_REQUEST, backend.processId, backend.secretKey)
    socket.once('connect', () => {
      if (tls === undefined) send(socket, message, done)
      else {
        socket.write(words(8, SSL_REQUEST))
        socket.once('data', (answer) => {
          if (answer.toString('latin1') !== 'S') return done()
          const name = isIP(endpoint.host) === 0 ? { servername: endpoint.host } : {}
          const secure = connectTls({ ...tls, ...name, socket, host: endpoint.host })
          secure.once('error', done)
          secure.once('secureConnect', () => send(secure, message, done))
        })
      }
    })
  })
}

/** The server answers a cancel request by closing the connection. */
function send(socket: Socket, message: Buffer, done: () => void): void {
  socket.once('end', done)
  socket.resume()
  socket.write(message)
}

function words(...values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 4)
  for (const [index, value] of values.entries()) buffer.writeInt32BE(value | 0, index * 4)
  return buffer
}
