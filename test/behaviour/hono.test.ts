import { inHono } from './entries/hono.ts'
import { runTable } from './run-table.ts'

runTable(inHono)
