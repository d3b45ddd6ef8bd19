/** Uses S3 as the program does: with the process for its host. */
import { processHost } from '../../src/cli/host.ts'
import { openStores } from '../../src/storage/open.ts'

processHost()
const [endpoint = ''] = process.argv.slice(2)
const stores = openStores([{ name: 's3', url: 's3://artifacts', endpoint }])
const found = await stores.named('s3').stat('s3://artifacts/a')
console.log(found === undefined ? 'none' : 'there')
await stores.close()
