/**
 * The HTTP probe, by undici: one request on a connection of its own, so that what is tested is whether the target still
 * accepts and answers, and not whether an old connection still lives. A redirect is an answer like any other, and is not
 * followed. The whole reply must come, up to `maxBodyBytes`; what is beyond is not read.
 */
import { Socket } from 'node:net'
import type { Target, TargetTls } from '@sluice/core'
import { buildConnector, Client } from 'undici'
import type { StatusSet } from '../../status-set.ts'
import { problemOf, type ProbeOutcome, type Prober } from './probe.ts'

/** What an HTTP probe sends and expects. */
export interface HttpProbeSettings {
  readonly method: string
  readonly path: string
  readonly host: string | undefined
  readonly port: number | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly statuses: StatusSet
  /** What the body must match. */
  readonly matchesBody: ((text: string) => boolean) | undefined
  readonly maxBodyBytes: number
  readonly tls: TargetTls
}

/** What a probe is given up with. */
class Cancelled extends Error {}

/** Probes with a request. */
export function httpProber(settings: HttpProbeSettings): Prober {
  return (target) => {
    const client = new Client(originOf(target, settings.port), {
      // No second request on this connection, which is what undici takes 0 for. The time limit is the caller's.
      pipelining: 0,
      headersTimeout: 0,
      bodyTimeout: 0,
      allowH2: false,
      connect: connectorOf(target, settings),
    })
    let cancelled: string | undefined
    const outcome = run(client, target, settings)
      .catch((error: unknown) => ({ problem: cancelled ?? problemOf(error), status: undefined }))
      .finally(() => void client.destroy())
    const cancel = (problem: string): void => {
      cancelled = problem
      void client.destroy(new Cancelled(problem))
    }
    return { outcome, cancel }
  }
}

async function run(client: Client, target: Target, settings: HttpProbeSettings): Promise<ProbeOutcome> {
  const { statuses, matchesBody, maxBodyBytes } = settings
  const reply = await client.request({
    method: settings.method,
    path: target.basePath + settings.path,
    headers: settings.host === undefined ? settings.headers : { ...settings.headers, host: settings.host },
  })
  const { statusCode: status } = reply
  if (!statuses.has(status)) return { problem: `the probe was answered with ${status}`, status }
  // Also where nobody asks for it: a target that can not finish a reply is not well.
  const text = await textOf(reply.body, maxBodyBytes)
  const isExpected = matchesBody === undefined || matchesBody(text)
  return { problem: isExpected ? undefined : "the probe's answer has an unexpected body", status }
}

async function textOf(body: AsyncIterable<Buffer>, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body) {
    chunks.push(chunk)
    size += chunk.byteLength
    if (size >= maxBytes) break
  }
  return Buffer.concat(chunks).subarray(0, maxBytes).toString('utf8')
}

function originOf({ url, origin }: Target, port: number | undefined): string {
  return port === undefined ? origin : `${url.protocol}//${url.hostname}:${port}`
}

function connectorOf(target: Target, { port, tls }: HttpProbeSettings): buildConnector.connector {
  const { url } = target
  const secured = url.protocol === 'https:' ? tls(url.hostname.replace(/^\[|\]$/g, '')) : undefined
  const connect = buildConnector({
    ...secured,
    servername: '',
    // Another port means another listener, which is not behind the target's socket.
    ...(target.socketPath === undefined || port !== undefined ? {} : { socketPath: target.socketPath }),
    allowH2: false,
    maxCachedSessions: 0,
    timeout: 0,
  })
  // The Host field does not choose the name that is asked for and verified: that is the URL's host, or `tls.servername`.
  return (options, callback) => {
    // Its type says that it returns nothing; it returns the socket, as undici's own client relies on too.
    const socket: unknown = connect({ ...options, servername: secured?.servername ?? '' }, callback)
    if (socket instanceof Socket) socket.unref()
    return socket
  }
}
