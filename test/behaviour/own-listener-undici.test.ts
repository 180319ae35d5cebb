import { undiciTransport } from '@sluice/core'
import { ownListener } from './entries/own-listener.ts'
import { runTable } from './run-table.ts'

runTable(ownListener, undiciTransport)
