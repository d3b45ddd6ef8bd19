/**
 * Whether a URL answers (`--check-url`, decision 24). Opt-in, bounded in time, and never a way into the network that
 * Steward runs in: every address a name resolves to is checked, the connection goes to the address that was checked,
 * and each redirect is checked anew.
 */
import { lookup } from 'node:dns/promises'
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { BlockList, isIP } from 'node:net'
import type { Problem } from '../errors.ts'
import type { Entity } from '../model/entity.ts'
import { httpUrl } from '../model/rule.ts'
import type { Values } from './input.ts'
import { fieldOf } from './scope.ts'

/** Milliseconds for a URL with all its redirects. */
const TIMEOUT_MS = 5000
const MOST_REDIRECTS = 5

export interface ReachOptions {
  /** Which addresses may be asked: `isPublic`, unless the user allowed others. */
  readonly mayAsk: (address: string) => boolean
  readonly timeoutMs?: number
}

/** Fields that hold an http or https URL: those whose rules say so. */
function urlFields(entity: Entity): string[] {
  return Object.keys(entity.fields).filter((key) => fieldOf(entity, key).rules.includes(httpUrl))
}

/** The problems of the URLs in a row that do not answer. */
export async function unreachableUrls(entity: Entity, values: Values, options: ReachOptions): Promise<Problem[]> {
  const checked = await Promise.all(
    urlFields(entity).map(async (where): Promise<Problem[]> => {
      const url = values[where]
      if (typeof url !== 'string') return []
      const reason = await whyUnreachable(url, options)
      return reason === undefined ? [] : [{ where, reason }]
    }),
  )
  return checked.flat()
}

/**
 * Asks a URL for its head.
 *
 * @returns why it is not reachable, without repeating the URL, which may hold a password; undefined when it is
 */
export async function whyUnreachable(url: string, options: ReachOptions): Promise<string | undefined> {
  const deadline = AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS)
  let target = new URL(url)
  for (let redirects = 0; ; redirects++) {
    const place = redirects === 0 ? '' : 'redirects to a place that '
    if (!/^https?:$/.test(target.protocol)) return `${place}is not an http or https URL`
    const found = await publicAddresses(target, options, deadline)
    if ('refused' in found) return place + found.refused
    const answer = await head(target, found.addresses, deadline)
    if ('failed' in answer) return place + answer.failed
    if (answer.location === undefined) return judged(answer.status)
    if (redirects === MOST_REDIRECTS) return `redirects more than ${MOST_REDIRECTS} times`
    if (!URL.canParse(answer.location, target.href)) return 'redirects to something that is no URL'
    target = new URL(answer.location, target.href)
  }
}

/** 405 and 501: the server is there and only does not know HEAD. 401, 403, 429: it is there and wants something. */
function judged(status: number): string | undefined {
  return status < 400 || [401, 403, 405, 429, 501].includes(status) ? undefined : `answers with status ${status}`
}

interface Address {
  readonly address: string
  readonly family: number
}

async function publicAddresses(
  target: URL,
  { mayAsk }: ReachOptions,
  deadline: AbortSignal,
): Promise<{ readonly addresses: Address[] } | { readonly refused: string }> {
  const host = target.hostname.replace(/^\[(.*)\]$/, '$1')
  let addresses: Address[]
  try {
    addresses = isIP(host)
      ? [{ address: host, family: isIP(host) }]
      : await inTime(lookup(host, { all: true }), deadline)
  } catch {
    return { refused: deadline.aborted ? 'does not answer in time' : 'names a host that does not resolve' }
  }
  // One address that is not public is enough: which one a later connection takes is not ours to choose.
  if (addresses.some(({ address }) => !mayAsk(address))) {
    return { refused: 'leads to an address that is not public (--allow-private asks it all the same)' }
  }
  return addresses.length > 0 ? { addresses } : { refused: 'names a host that does not resolve' }
}

type Answer = { readonly status: number; readonly location?: string } | { readonly failed: string }

/** HEAD on the very addresses that were checked; a second resolution could give others. */
function head(target: URL, addresses: readonly Address[], deadline: AbortSignal): Promise<Answer> {
  const request = target.protocol === 'https:' ? requestHttps : requestHttp
  return new Promise((resolve) => {
    const sent = request(
      {
        method: 'HEAD',
        protocol: target.protocol,
        hostname: target.hostname.replace(/^\[(.*)\]$/, '$1'),
        port: target.port === '' ? undefined : Number(target.port),
        path: target.pathname + target.search,
        headers: { 'user-agent': 'steward' },
        agent: false,
        signal: deadline,
        lookup: (_host, options, callback) => {
          const [first] = addresses
          if (options.all) callback(null, [...addresses])
          else if (first) callback(null, first.address, first.family)
        },
      },
      (response) => {
        const { statusCode: status = 0, headers } = response
        response.destroy()
        const location = status >= 300 && status < 400 ? headers.location : undefined
        resolve({ status, ...(location === undefined ? {} : { location }) })
      },
    )
    sent.on('error', (error) => {
      resolve({ failed: deadline.aborted ? 'does not answer in time' : refusal(error) })
    })
    sent.end()
  })
}

/** The network's words for it, none of which repeat the URL. */
function refusal(error: Error): string {
  const code = 'code' in error ? String(error.code) : ''
  if (code === 'ECONNREFUSED') return 'refuses the connection'
  if (/CERT|SELF_SIGNED|ALTNAME|TLS|SSL/.test(code)) return `has a certificate that does not hold (${code})`
  return `does not answer${code === '' ? '' : ` (${code})`}`
}

function inTime<T>(work: Promise<T>, deadline: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(new Error('too late'))
    if (deadline.aborted) stop()
    deadline.addEventListener('abort', stop, { once: true })
    work.then(resolve, reject)
  })
}

/** Networks that are not the public Internet (IANA special-purpose registries, RFC 6890), and multicast. */
const NOT_PUBLIC: readonly (readonly [network: string, prefix: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  // The metadata and DNS service of one cloud answers on a public address.
  ['168.63.129.16', 32],
  ['::', 128],
  ['::1', 128],
  // Addresses that carry an IPv4 address inside are refused whole: a gateway would unpack any of them.
  ['::ffff:0:0', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
]

// One list for each family: Node lets the rule for ::ffff:0:0/96 match every IPv4 address as well.
const notPublic = { ipv4: new BlockList(), ipv6: new BlockList() }
for (const [network, prefix] of NOT_PUBLIC) {
  const family = network.includes(':') ? 'ipv6' : 'ipv4'
  notPublic[family].addSubnet(network, prefix, family)
}

/** True for an address on the public Internet. Only addresses of a link have a scope (`fe80::1%eth0`). */
export function isPublic(address: string): boolean {
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
  return !address.includes('%') && !notPublic[family].check(address, family)
}
