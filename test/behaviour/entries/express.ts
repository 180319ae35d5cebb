/** Express 5. */
import { createServer } from 'node:http'
import { expressHandler } from '@sluice/adapters/express'
import express from 'express'
import { type Entry, NOT_FOUND } from '../entry.ts'
import { serve } from './served.ts'

export const inExpress: Entry = {
  name: 'Express',
  isMounted: true,
  async open(proxy) {
    const app = express()
    app.use(expressHandler(proxy))
    app.use((_request, response) => void response.status(404).send(NOT_FOUND))
    return await serve(createServer(app))
  },
}
