#!/usr/bin/env node
'use strict'

const { main } = require('../dist/main.cjs')

main(process.argv.slice(2), process, process.env).then((exitCode) => {
  process.exitCode = exitCode
})
