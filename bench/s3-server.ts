/** The tests' S3-compatible server behind a proxy that counts what is asked, and the store that is to ask little. */
export { openStores } from '../src/storage/open.ts'
export { faultyProxy } from '../test/support/faulty-proxy.ts'
export { startS3 } from '../test/support/s3.ts'
