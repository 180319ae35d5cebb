import { undiciTransport } from '@sluice/core'
import { ownNodeListener } from './entries/own-listener.ts'
import { runTable } from './run-table.ts'

runTable(ownNodeListener, undiciTransport)
