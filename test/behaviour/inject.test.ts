import { injected } from './entries/inject.ts'
import { runTable } from './run-table.ts'

runTable(injected)
