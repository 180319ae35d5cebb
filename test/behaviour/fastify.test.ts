import { inFastify } from './entries/fastify.ts'
import { runTable } from './run-table.ts'

runTable(inFastify)
