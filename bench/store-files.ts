/** The stores by themselves, for benchmarks that leave the database out. */
export { openStores } from '../src/storage/open.ts'
