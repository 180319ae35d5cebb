import { inKoa } from './entries/koa.ts'
import { runTable } from './run-table.ts'

runTable(inKoa)
