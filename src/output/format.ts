/** Figures and times as people read them. Pure; machine formats use the raw values instead. */

/** A whole number in groups of three: `12,345`. */
export function formatCount(value: number | bigint | string): string {
  const text = String(value)
  const [, sign = '', whole = '', rest = ''] = /^(-?)(\d+)(\..*)?$/.exec(text) ?? []
  if (whole === '') return text
  return sign + whole.replace(/\B(?=(?:\d{3})+$)/g, ',') + rest
}

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'] as const

/** Bytes in binary units (IEC 80000-13), one decimal below 100: `512 B`, `1.4 GiB`, `123 MiB`. */
export function formatBytes(bytes: number | bigint): string {
  // An average of bytes has a fraction, which means nothing.
  let size = Math.round(Number(bytes))
  let unit = 0
  // 1023.5 would round up to 1024 of the smaller unit.
  while (Math.abs(size) >= (unit === 0 ? 1024 : 1023.5) && unit < BYTE_UNITS.length - 1) {
    size /= 1024
    unit++
  }
  return `${unit === 0 ? String(size) : oneDecimal(size)} ${BYTE_UNITS[unit]}`
}

/** A length of time in its two largest units: `420 ms`, `3.2 s`, `3m 12s`, `2h 05m`, `3d 4h`. */
export function formatSeconds(seconds: number): string {
  if (!Number.isFinite(seconds)) return String(seconds)
  if (seconds < 0) return `-${formatSeconds(-seconds)}`
  if (seconds === 0) return '0 s'
  if (seconds < 0.9995) {
    const milliseconds = seconds * 1000
    return `${milliseconds < 10 ? trimmed(milliseconds.toFixed(1)) : milliseconds.toFixed(0)} ms`
  }
  if (seconds < 59.95) return `${trimmed(seconds.toFixed(1))} s`
  const whole = Math.round(seconds)
  const [days, hours, minutes] = [
    Math.floor(whole / 86_400),
    Math.floor(whole / 3600) % 24,
    Math.floor(whole / 60) % 60,
  ]
  if (days > 0) return hours > 0 ? `${days}d ${hours}h` : `${days}d`
  if (hours > 0) return `${hours}h ${String(minutes).padStart(2, '0')}m`
  return `${minutes}m ${String(whole % 60).padStart(2, '0')}s`
}

/** A share of a hundred, one decimal: `12.5%` from 12.5. */
export function formatPercent(percent: number): string {
  if (!Number.isFinite(percent)) return String(percent)
  return `${trimmed(percent.toFixed(Math.abs(percent) > 0 && Math.abs(percent) < 0.1 ? 3 : 1))}%`
}

/** A measured value without noise: at most three decimals, or three significant digits when it is tiny. */
export function formatFloat(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  if (value !== 0 && Math.abs(value) < 0.001) return String(Number(value.toPrecision(3)))
  return Math.abs(value) >= 1e15 ? String(value) : trimmed(value.toFixed(3))
}

/** UTC to the second: `2026-11-22 03:51:04`. Whatever is no ISO timestamp (`infinity`) stays as it is. */
export function formatTimestamp(iso: string): string {
  const [, date, time] =
    /^([+-]?\d{4,6}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:\.\d+)?(?:Z|[+-]00(?::?00)?)?$/.exec(iso) ?? []
  return date === undefined || time === undefined ? iso : `${date} ${time}`
}

/** A mean, to three digits or to the whole number: `1.33`, `79.6`, `646`. */
export function formatAverage(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  const size = Math.abs(value)
  return size < 9.995 ? trimmed(value.toFixed(2)) : oneDecimal(value)
}

/** Megabytes as a platform counts them, decimal: `646 MB`, `1.3 GB`. */
export function formatMegabytes(megabytes: number): string {
  if (!Number.isFinite(megabytes)) return String(megabytes)
  return Math.abs(megabytes) < 999.5 ? `${oneDecimal(megabytes)} MB` : `${oneDecimal(megabytes / 1000)} GB`
}

const STEPS = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
] as const

/** How long ago, in its largest unit: `3 h ago`, `in 2 d`, `just now`; undefined for what is no date. */
export function formatRelative(iso: string, now: Date): string | undefined {
  const seconds = (now.getTime() - Date.parse(iso)) / 1000
  if (!Number.isFinite(seconds)) return undefined
  const distance = Math.abs(seconds)
  if (distance < 10) return 'just now'
  const [size, unit] = STEPS.find(([step]) => distance >= step) ?? [1, 's']
  const amount = `${formatCount(Math.floor(distance / size))} ${unit}`
  return seconds < 0 ? `in ${amount}` : `${amount} ago`
}

function oneDecimal(value: number): string {
  const size = Math.abs(value)
  return trimmed(value.toFixed(size < 99.95 ? 1 : 0))
}

function trimmed(decimal: string): string {
  return decimal.includes('.') ? decimal.replace(/\.?0+$/, '') : decimal
}
