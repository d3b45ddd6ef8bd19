/** `1 batch`, `1,200 batches`. */
export function counted(count: number | bigint, one: string, several = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${BigInt(count) === 1n ? one : several}`
}
