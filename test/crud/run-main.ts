/** Steward's command line as a process of its own. */
import process from 'node:process'
import { main } from '../../src/cli/main.ts'

const { stdin, stdout, stderr } = process
process.exitCode = await main(process.argv.slice(2), { stdin, stdout, stderr }, process.env)
