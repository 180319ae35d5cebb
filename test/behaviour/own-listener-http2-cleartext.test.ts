import { ownListenerHttp2Cleartext } from './entries/own-listener-http2.ts'
import { runTable } from './run-table.ts'

runTable(ownListenerHttp2Cleartext)
