import { inExpress } from './entries/express.ts'
import { runTable } from './run-table.ts'

runTable(inExpress)
