import { http2Transport } from '@sluice/core'
import { ownListener } from './entries/own-listener.ts'
import { runTable } from './run-table.ts'

runTable(ownListener, () => http2Transport({ priorKnowledge: true }), { http2: true })
