/** An HTTP proxy before a server that passes requests on, counts them, and answers in the server's place by a rule. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Asked {
  readonly method: string
  /** Path and query as they were sent. */
  readonly target: string
  /** Of the S3 API, as far as it shows: `DeleteObjects`, `ListObjectsV2`, `PutObject`, `UploadPart`… */
  readonly operation: string
}

export type Fault =
  /** Answered with this status and the S3 API's error code in XML; without a code, with a page of a gateway. */
  | { readonly status: number; readonly code?: string }
  /** Never answered, or passed on after so many milliseconds. */
  | { readonly waits: number }
  /** The connection is broken: before the server hears the request, or before the client hears the answer. */
  | { readonly breaks: 'unheard' | 'unanswered' }
  /** The head of the server's answer and half of its body; then nothing, or the end of the connection. */
  | { readonly half: 'hangs' | 'breaks' }
  /** Another answer in place of the server's, which is not asked. */
  | { readonly answers: string; readonly status?: number }

export interface FaultyProxy {
  /** `http://127.0.0.1:port` */
  readonly endpoint: string
  readonly asked: readonly Asked[]
  /** Forgets what was asked, and does by this rule from now on; without one all is passed on. */
  reset(rule?: (asked: Asked, count: number) => Fault | undefined): void
  close(): Promise<void>
}

/** @param upstream endpoint of the server */
export async function faultyProxy(upstream: string): Promise<FaultyProxy> {
  let asked: Asked[] = []
  let rule: ((asked: Asked, count: number) => Fault | undefined) | undefined
  const server = createServer((incoming, outgoing) => {
    const one = askedBy(incoming)
    asked.push(one)
    const fault = rule?.(one, asked.length)
    // The client may leave at any time.
    outgoing.on('error', () => {})
    if (fault === undefined) return pass(upstream, incoming, outgoing)
    if ('breaks' in fault && fault.breaks === 'unheard') return void incoming.socket.destroy()
    if ('waits' in fault) {
      const timer = setTimeout(() => pass(upstream, incoming, outgoing), fault.waits)
      return void outgoing.on('close', () => clearTimeout(timer))
    }
    if ('breaks' in fault || 'half' in fault) return pass(upstream, incoming, outgoing, fault)
    // Read to its end, so that the client hears the answer instead of a broken connection.
    incoming.resume().on('end', () => answer(one, outgoing, fault))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `http://127.0.0.1:${port}`,
    get asked() {
      return asked
    },
    reset(next) {
      asked = []
      rule = next
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function pass(
  upstream: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  fault?: { readonly breaks: string } | { readonly half: string },
): void {
  const { hostname, port } = new URL(upstream)
  // The host is part of what is signed.
  const onward = request({ hostname, port, method: incoming.method, path: incoming.url, headers: incoming.headers })
  onward.on('response', (response) => {
    if (fault !== undefined && 'breaks' in fault) return void incoming.socket.destroy()
    outgoing.writeHead(response.statusCode ?? 502, response.headers)
    if (fault === undefined) return void response.pipe(outgoing)
    void response.toArray().then((chunks) => {
      const body = Buffer.concat(chunks)
      outgoing.write(body.subarray(0, Math.floor(body.length / 2)), () => {
        if (fault.half === 'breaks') incoming.socket.destroy()
      })
    })
  })
  onward.on('error', () => incoming.socket.destroy())
  incoming.pipe(onward)
}

function answer(
  { method }: Asked,
  outgoing: ServerResponse,
  fault: { readonly status: number; readonly code?: string } | { readonly answers: string; readonly status?: number },
): void {
  const body =
    'answers' in fault
      ? fault.answers
      : fault.code === undefined
        ? '<html><body>Gateway</body></html>'
        : `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${fault.code}</Code>` +
          '<Message>said by the proxy, with secrets</Message><RequestId>1</RequestId></Error>'
  outgoing.writeHead(fault.status ?? 200, {
    'content-type': 'application/xml',
    'content-length': Buffer.byteLength(body),
  })
  outgoing.end(method === 'HEAD' ? undefined : body)
}

function askedBy({ method = '', url = '', headers }: IncomingMessage): Asked {
  return { method, target: url, operation: operationOf(method, new URL(url, 'http://host'), headers) }
}

function operationOf(method: string, { pathname, searchParams }: URL, headers: IncomingMessage['headers']): string {
  const isObject = /^\/[^/]+\/./.test(pathname)
  const isCopy = 'x-amz-copy-source' in headers
  if (searchParams.has('uploads')) return 'CreateMultipartUpload'
  if (searchParams.has('uploadId')) {
    if (method === 'PUT') return isCopy ? 'UploadPartCopy' : 'UploadPart'
    return method === 'POST' ? 'CompleteMultipartUpload' : 'AbortMultipartUpload'
  }
  if (searchParams.has('delete')) return 'DeleteObjects'
  if (!isObject) return searchParams.get('list-type') === '2' ? 'ListObjectsV2' : `${method} bucket`
  if (isCopy) return 'CopyObject'
  return { GET: 'GetObject', HEAD: 'HeadObject', PUT: 'PutObject', DELETE: 'DeleteObject' }[method] ?? method
}
