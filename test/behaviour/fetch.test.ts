import { throughFetch } from './entries/fetch.ts'
import { runTable } from './run-table.ts'

runTable(throughFetch)
