/**
 * A proxy before PostgreSQL that counts what the client asks, and cuts the connection at the question that a test
 * names: before the server hears it, or after the server has answered and before the client hears that.
 */

import { connect, createServer, type Socket } from 'node:net'
import type { Endpoint } from '../../src/config/config.ts'

export interface Cut {
  /** The question, counted from 1 over all connections. */
  readonly at: number
  /** Before the server hears the question, while it works on the answer, or before the client hears that. */
  readonly when: 'unheard' | 'heard' | 'unanswered'
  /** In place of closing the connection it happens at: to kill the client, or have the server do it. */
  readonly doing?: () => void
}

export interface CuttingProxy {
  /** The endpoint to connect to in place of the server's own. */
  readonly endpoint: Endpoint
  /** Questions so far. */
  readonly asked: number
  /** Cuts once; counting begins anew. */
  cutAt(cut: Cut | undefined): void
  /** Whether the cut has happened. */
  readonly cut: boolean
  close(): Promise<void>
}

/** Starts a proxy on a port of the loopback interface. */
export async function cuttingProxy(server: Endpoint): Promise<CuttingProxy> {
  let [asked, happened] = [0, false]
  let next: Cut | undefined
  const open = new Set<Socket>()
  const listener = createServer((client) => {
    const upstream = server.host.startsWith('/')
      ? connect(`${server.host}/.s.PGSQL.${server.port}`)
      : connect(server.port, server.host)
    for (const socket of [client, upstream]) {
      open.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        open.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    const cut = ({ doing }: Cut) => {
      happened = true
      if (doing !== undefined) return doing()
      client.destroy()
      upstream.destroy()
    }
    let waiting: Cut | undefined
    const count = questionCounter()
    client.on('data', (data: Buffer) => {
      let met: Cut | undefined
      for (let questions = count(data); questions > 0; questions--) {
        asked++
        if (asked === next?.at && !happened) met = next
      }
      if (met?.when === 'unheard') cut(met)
      if (met?.when === 'unanswered') waiting = met
      if (upstream.writable) upstream.write(data)
      if (met?.when === 'heard') cut(met)
    })
    upstream.on('data', (data: Buffer) => {
      if (waiting !== undefined && !happened) cut(waiting)
      if (client.writable) client.write(data)
    })
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const address = listener.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy listens on no port')
  return {
    endpoint: { ...server, host: '127.0.0.1', port: address.port },
    get asked() {
      return asked
    },
    get cut() {
      return happened
    },
    cutAt(cut) {
      next = cut
      asked = 0
      happened = false
    },
    async close() {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => listener.close(resolve))
    },
  }
}

/**
 * Counts the messages that the server answers (PostgreSQL manual, 54.7): Query, Sync, and the end of a COPY. The first
 * message of a connection has no type.
 */
function questionCounter(): (data: Buffer) => number {
  let rest: Buffer = Buffer.alloc(0)
  let started = false
  return (data) => {
    rest = rest.length === 0 ? data : Buffer.concat([rest, data])
    let questions = 0
    for (;;) {
      const head = started ? 1 : 0
      if (rest.length < head + 4) return questions
      const end = head + rest.readUInt32BE(head)
      if (rest.length < end) return questions
      const type = started ? String.fromCharCode(rest[0] ?? 0) : ''
      if (type === 'Q' || type === 'S' || type === 'c') questions++
      started = true
      rest = rest.subarray(end)
    }
  }
}
