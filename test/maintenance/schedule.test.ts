/** What is printed for cron and systemd, read by a shell, by cron's own rule for percent signs, and by systemd. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { crontab, type Schedule, systemdUnits } from '../../src/maintenance/schedule.ts'

const run = promisify(execFile)

let root: string
let nasty: Schedule
/** Prints its arguments, one a line, and ends as FAILS_WITH says. */
const PROGRAM = '#!/bin/sh\nprintf "%s\\n" "$STEWARD_DATA_HOME" "$@"\nexit ${FAILS_WITH:-0}\n'

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'steward-schedule-'))
  const folder = join(root, `it's 100% "here" $HOME \\%`)
  await mkdir(folder)
  const program = join(folder, 'steward program')
  await writeFile(program, PROGRAM)
  await chmod(program, 0o755)
  nasty = {
    program: [program],
    folder,
    variables: { STEWARD_DATA_HOME: join(folder, 'data') },
    user: 'root',
    profile: 'prod $(touch pwned)',
    database: 'app',
    flags: ['--profile', 'prod $(touch pwned)', '--confirm', 'app'],
    at: [{ hour: 2, minute: 5 }],
    expireEvery: 5,
    runTime: '2h',
    metricsFile: join(folder, 'steward.prom'),
    // In a folder that nobody made.
    logFile: join(folder, 'state of steward/maintain.log'),
    embedded: false,
  }
})
afterAll(() => rm(root, { recursive: true }))

const plain: Schedule = {
  program: ['/usr/bin/node', '/opt/steward/bin/steward.js'],
  folder: '/srv/app',
  variables: {},
  user: 'ops',
  profile: 'prod',
  database: 'app',
  flags: ['--profile', 'prod', '--confirm', 'app'],
  at: [
    { hour: 2, minute: 30 },
    { hour: 14, minute: 0 },
  ],
  expireEvery: 5,
  runTime: '2h',
  metricsFile: '/var/lib/node_exporter/steward.prom',
  logFile: '/var/log/steward.log',
  embedded: false,
}

describe('the crontab', () => {
  test('has a line for each time and one for expiry', () => {
    expect(crontab(plain)).toMatchInlineSnapshot(`
      "# Maintenance of database app (profile prod); crontab -e as ops. Times are the server's local ones.
      # 8: another run was at work; 9: the time was over, the next run goes on. Neither is a failure.
      30 2 * * * cd /srv/app && mkdir -p /var/log && /usr/bin/node /opt/steward/bin/steward.js --profile prod --confirm app maintain run --run-time 2h --metrics-file /var/lib/node_exporter/steward.prom >> /var/log/steward.log 2>&1; code=$?; case $code in 0|8|9) ;; *) echo 'steward maintain run of prod ended with' "$code," 'see /var/log/steward.log' ;; esac
      0 14 * * * cd /srv/app && mkdir -p /var/log && /usr/bin/node /opt/steward/bin/steward.js --profile prod --confirm app maintain run --run-time 2h --metrics-file /var/lib/node_exporter/steward.prom >> /var/log/steward.log 2>&1; code=$?; case $code in 0|8|9) ;; *) echo 'steward maintain run of prod ended with' "$code," 'see /var/log/steward.log' ;; esac
      # States that lasted too long; without work it takes a moment.
      */5 * * * * cd /srv/app && mkdir -p /var/log && /usr/bin/node /opt/steward/bin/steward.js --profile prod --confirm app maintain run --only expire --run-time 5m >> /var/log/steward.log 2>&1; code=$?; case $code in 0|8|9) ;; *) echo 'steward maintain run of prod ended with' "$code," 'see /var/log/steward.log' ;; esac
      # The log, for /etc/logrotate.d: /var/log/steward.log { weekly rotate 8 compress missingok notifempty }
      "
    `)
  })

  /** What cron hands to the shell: up to the first percent sign that is not escaped (crontab(5)). */
  function handedToShell(line: string): string {
    const command = line.split(' ').slice(5).join(' ')
    let text = ''
    for (let at = 0; at < command.length; at++) {
      if (command[at] === '%') return text
      if (command[at] === '\\') {
        text += command[at + 1] === '%' ? '%' : `\\${command[at + 1]}`
        at++
      } else text += command[at]
    }
    return text
  }

  const fire = async (line: string | undefined, failsWith = '') => {
    const { stdout } = await run('/bin/sh', ['-c', handedToShell(line ?? '')], { env: { FAILS_WITH: failsWith } })
    return stdout
  }
  const lines = (schedule: Schedule) =>
    crontab(schedule)
      .split('\n')
      .filter((line) => /^[\d*]/.test(line))

  test('survives spaces, quotes, dollar and percent signs, and mails only what somebody must look at', async () => {
    const [all, expire] = lines(nasty)
    expect(await fire(all)).toBe('')
    expect(await fire(expire, '8')).toBe('')
    expect(await fire(expire, '9')).toBe('')
    expect(await fire(all, '7')).toBe(
      `steward maintain run of prod $(touch pwned) ended with 7, see ${nasty.logFile}\n`,
    )
    const log = await readFile(nasty.logFile, 'utf8')
    expect(log.split('\n').slice(0, 11)).toEqual([
      nasty.variables.STEWARD_DATA_HOME,
      '--profile',
      'prod $(touch pwned)',
      '--confirm',
      'app',
      'maintain',
      'run',
      '--run-time',
      '2h',
      '--metrics-file',
      nasty.metricsFile,
    ])
    expect(existsSync(join(nasty.folder, 'pwned'))).toBe(false)
  })

  test('refuses what it cannot hold', () => {
    expect(() => crontab({ ...plain, folder: '/srv/a\nb' })).toThrow(/line break/)
    expect(() => systemdUnits({ ...plain, folder: '/srv/a\nb' })).toThrow(/line break/)
  })
})

const hasSystemd = existsSync('/usr/bin/systemd-analyze') || existsSync('/bin/systemd-analyze')

describe('the units', () => {
  test('are a service and a timer for all jobs, and for expiry', () => {
    expect(
      systemdUnits(plain)
        .map(({ path, text }) => `# ${path}\n${text}`)
        .join('\n'),
    ).toMatchInlineSnapshot(`
      "# /etc/systemd/system/steward-prod-maintain.service
      [Unit]
      Description=Steward: all maintenance that is due, database app (profile prod)
      Wants=network-online.target
      After=network-online.target

      [Service]
      Type=oneshot
      User=ops
      WorkingDirectory=/srv/app
      ExecStart=/usr/bin/node /opt/steward/bin/steward.js --profile prod --confirm app maintain run --run-time 2h --metrics-file /var/lib/node_exporter/steward.prom
      # 8: another run was at work; 9: the time was over, the next run goes on.
      SuccessExitStatus=8 9
      # A stop ends it after the batch in flight.
      TimeoutStopSec=120
      Nice=10
      IOSchedulingClass=idle
      # What it says: journalctl -u steward-prod-maintain
      StandardOutput=journal
      StandardError=journal

      # /etc/systemd/system/steward-prod-maintain.timer
      [Unit]
      Description=Steward: all maintenance that is due, database app (profile prod)

      [Timer]
      OnCalendar=*-*-* 02:30:00
      OnCalendar=*-*-* 14:00:00
      Persistent=true

      [Install]
      WantedBy=timers.target

      # /etc/systemd/system/steward-prod-expire.service
      [Unit]
      Description=Steward: states that lasted too long, database app (profile prod)
      Wants=network-online.target
      After=network-online.target

      [Service]
      Type=oneshot
      User=ops
      WorkingDirectory=/srv/app
      ExecStart=/usr/bin/node /opt/steward/bin/steward.js --profile prod --confirm app maintain run --only expire --run-time 5m
      # 8: another run was at work; 9: the time was over, the next run goes on.
      SuccessExitStatus=8 9
      # A stop ends it after the batch in flight.
      TimeoutStopSec=120
      Nice=10
      IOSchedulingClass=idle
      # What it says: journalctl -u steward-prod-expire
      StandardOutput=journal
      StandardError=journal

      # /etc/systemd/system/steward-prod-expire.timer
      [Unit]
      Description=Steward: states that lasted too long, database app (profile prod)

      [Timer]
      OnCalendar=*-*-* *:00/5:00

      [Install]
      WantedBy=timers.target
      "
    `)
  })

  test('keep the server of steward alive where the run starts it', () => {
    expect(systemdUnits({ ...plain, embedded: true })[0]?.text).toContain('KillMode=process')
  })

  test.skipIf(!hasSystemd)('are accepted by systemd, whatever their paths hold', async () => {
    for (const [index, schedule] of [
      nasty,
      { ...plain, program: ['/bin/true'], user: 'root', folder: '/' },
    ].entries()) {
      const folder = join(root, `units${index}`)
      await mkdir(folder)
      const paths = []
      for (const { path, text } of systemdUnits(schedule)) {
        const file = join(folder, path.split('/').at(-1) ?? '')
        await writeFile(file, text)
        paths.push(file)
      }
      const { stdout, stderr } = await run('systemd-analyze', ['verify', '--man=no', ...paths]).catch(
        (error) => error,
      )
      const about = `${stdout}${stderr}`.split('\n').filter((line: string) => line.includes('steward'))
      expect(about).toEqual([])
    }
  })
})
