import { ownListenerHttp2 } from './entries/own-listener-http2.ts'
import { runTable } from './run-table.ts'

runTable(ownListenerHttp2)
