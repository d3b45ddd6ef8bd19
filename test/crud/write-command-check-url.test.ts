/** `create --check-url` from end to end. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Commands, useCommands } from './write-commands.ts'

let org: string
let run: Commands['run']
useCommands((made) => {
  ;({ org, run } = made)
})

describe('create --check-url', () => {
  let server: Server
  let port: number
  beforeAll(async () => {
    server = createServer((request, response) => {
      const path = request.url ?? ''
      if (path === '/slow') return
      if (path === '/away') response.writeHead(302, { location: `http://127.0.0.2:${port}/` })
      else if (path === '/round') response.writeHead(302, { location: '/round' })
      else response.writeHead(path === '/gone' ? 404 : 200)
      response.end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    port = (server.address() as AddressInfo).port
  })
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })

  it('asks only when told, and never addresses that are not public', async () => {
    const { isPublic, whyUnreachable } = await import('../../src/crud/reachable.ts')
    for (const host of ['127.0.0.1', 'localhost', '2130706433', '0x7f.1', '[::1]', '[::ffff:127.0.0.1]']) {
      expect(await whyUnreachable(`http://${host}:${port}/`, { mayAsk: isPublic })).toMatch(/not public/)
    }
    // Judged and not asked: were the judgement wrong, this test would be what reaches them.
    expect(['169.254.169.254', '10.0.0.1', '192.168.1.1', 'fe80::1'].filter(isPublic)).toEqual([])
    const allowed = (path: string, timeoutMs = 5000) =>
      whyUnreachable(`http://localhost:${port}${path}`, { mayAsk: () => true, timeoutMs })
    expect(await allowed('/')).toBeUndefined()
    expect(await allowed('/gone')).toBe('answers with status 404')
    expect(await allowed('/slow', 300)).toBe('does not answer in time')
    expect(await allowed('/round')).toBe('redirects more than 5 times')
    expect(await whyUnreachable('http://name.invalid/', { mayAsk: isPublic })).toBe(
      'names a host that does not resolve',
    )
  })

  it('checks where a redirect leads as well', async () => {
    const { isPublic, whyUnreachable } = await import('../../src/crud/reachable.ts')
    expect(['8.8.8.8', '2606:4700::1111'].map(isPublic)).toEqual([true, true])
    const inner = [
      '10.1.2.3',
      '100.64.0.1',
      '224.0.0.1',
      'fe80::1',
      'fd00::1',
      'ff02::1',
      '64:ff9b::7f00:1',
      '::ffff:10.0.0.1',
    ]
    expect(inner.filter(isPublic)).toEqual([])
    const reason = await whyUnreachable(`http://127.0.0.1:${port}/away`, {
      mayAsk: (address) => address === '127.0.0.1',
    })
    expect(reason).toMatch(/^redirects to a place that leads to an address that is not public/)
  })

  it('is a problem like any other', async () => {
    const given = ['--organization-id', org, '--url', `http://127.0.0.1:${port}/`, '--navigation-goal', 'x']
    const refused = await run(['task', 'create', ...given, '--check-url'])
    expect(refused.exitCode).toBe(5)
    expect(refused.stderr).toContain('url leads to an address that is not public')
    const allowed = await run(['task', 'create', ...given, '--check-url', '--allow-private'])
    expect(allowed.exitCode).toBe(0)
  })
})
