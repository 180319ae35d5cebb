import { bareServer } from './entries/bare-server.ts'
import { runTable } from './run-table.ts'

runTable(bareServer)
