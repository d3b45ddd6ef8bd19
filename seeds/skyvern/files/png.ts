/**
 * Small PNG pictures (W3C Portable Network Graphics, third edition) that look like a page with boxes on it. The pixel
 * data is stored, not compressed: a compressor's output may differ between builds of zlib, and with it the size that
 * the row of the file states.
 */
import type { Random } from '../../../src/seeds/random.ts'

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
const PALETTE = [
  [246, 247, 249],
  [38, 70, 83],
  [42, 157, 143],
  [233, 196, 106],
  [231, 111, 81],
  [203, 213, 225],
] as const

/** A picture of 48 to 96 by 32 to 64 pixels. */
export function png(random: Random): Buffer {
  const width = random.between(48, 96)
  const height = random.between(32, 64)
  const pixels = Buffer.alloc((width + 1) * height)
  const paint = (x: number, y: number, w: number, h: number, colour: number) => {
    for (let row = y; row < Math.min(y + h, height); row++) {
      // Each row begins with its filter type, 0 for none.
      const from = row * (width + 1) + 1
      pixels.fill(colour, from + x, from + Math.min(x + w, width))
    }
  }
  paint(0, 0, width, 6, 1)
  for (let box = random.between(3, 7); box > 0; box--) {
    const x = random.below(width - 12)
    const y = 8 + random.below(height - 14)
    paint(x, y, random.between(8, 30), random.between(3, 9), random.between(2, PALETTE.length - 1))
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  // 8 bits a pixel, indexed colour; deflate, adaptive filters, no interlacing.
  header.set([8, 3, 0, 0, 0], 8)
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('PLTE', Buffer.from(PALETTE.flat())),
    chunk('IDAT', stored(pixels)),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(type: string, data: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const out = Buffer.alloc(typed.length + 8)
  out.writeUInt32BE(data.length, 0)
  typed.copy(out, 4)
  out.writeUInt32BE(crc32(typed), typed.length + 4)
  return out
}

/** A zlib stream (RFC 1950) of one stored block (RFC 1951, 3.2.4); data must be shorter than 64 KiB. */
function stored(data: Buffer): Buffer {
  const out = Buffer.alloc(data.length + 11)
  out.set([0x78, 0x01, 0x01], 0)
  out.writeUInt16LE(data.length, 3)
  out.writeUInt16LE(~data.length & 0xffff, 5)
  data.copy(out, 7)
  out.writeUInt32BE(adler32(data), data.length + 7)
  return out
}

function adler32(data: Buffer): number {
  let a = 1
  let b = 0
  for (const byte of data) {
    a = (a + byte) % 65_521
    b = (b + a) % 65_521
  }
  return b * 65_536 + a
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
  return value
})

function crc32(data: Buffer): number {
  let crc = 0xffffffff
  for (const byte of data) crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ byte) & 0xff] ?? 0)
  return (crc ^ 0xffffffff) >>> 0
}
