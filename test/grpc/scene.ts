/** A target of gRPC, a gateway in front of it, and a client, in the clear or over TLS on both sides. */
import { type ChannelOptions, credentials, Server, ServerCredentials } from '@grpc/grpc-js'
import {
  createProxy,
  createUpstream,
  type ForwardOptions,
  http2Transport,
  type Http2TransportOptions,
  type Proxy,
  type Upstream,
} from '@sluice/core'
import { certificateAuthority } from '@sluice/testing'
import { WORDS, WordsClient, type WordsHandlers } from './words.ts'

const authority = certificateAuthority()

export interface SceneOptions {
  /** On both sides. @default false */
  readonly isSecure?: boolean
  /** In place of {@link answers}. */
  readonly handlers?: Partial<WordsHandlers>
  readonly channel?: ChannelOptions
  readonly transport?: Http2TransportOptions
  readonly forward?: ForwardOptions
  /** What stands in front of the route. */
  readonly compose?: (proxy: Proxy) => Proxy
}

export interface Scene {
  readonly client: WordsClient
  readonly proxy: Proxy
  readonly upstream: Upstream
  readonly server: Server
  close(): Promise<void>
}

/** How the target answers. */
export const answers: WordsHandlers = {
  say(call, callback) {
    call.sendMetadata(call.metadata)
    callback(null, call.request)
  },
  join(call, callback) {
    const words: string[] = []
    call.on('data', (word: string) => words.push(word)).on('end', () => callback(null, words.join(' ')))
  },
  split(call) {
    for (const word of call.request.split(' ')) call.write(word)
    call.end()
  },
  chat(call) {
    call.on('data', (word: string) => call.write(`${word}?`)).on('end', () => call.end())
  },
}

export async function openScene(options: SceneOptions = {}): Promise<Scene> {
  const { isSecure = false } = options
  const server = new Server()
  server.addService(WORDS, { ...answers, ...options.handlers })
  const port = await listen(server, isSecure)
  const upstream = createUpstream('words', {
    targets: [`${isSecure ? 'https' : 'http'}://127.0.0.1:${port}`],
    transport: http2Transport(
      isSecure ? { tls: { ca: authority.cert }, ...options.transport } : { priorKnowledge: true, ...options.transport },
    ),
  })
  const proxy = (options.compose ?? ((each) => each))(createProxy())
  proxy.route({ path: '/words.Words/*' }, (route) => route.forward(upstream, options.forward))
  const listener = await proxy.listen({
    host: '127.0.0.1',
    ...(isSecure ? { tls: authority.issue({ names: ['localhost'] }) } : { http2: { cleartext: true } }),
  })
  const { host } = new URL(listener.address.url)
  const client = new WordsClient(
    host,
    isSecure ? credentials.createSsl(Buffer.from(authority.cert)) : credentials.createInsecure(),
    // A name for SNI, which knows no addresses.
    { ...(isSecure ? { 'grpc.ssl_target_name_override': 'localhost' } : {}), ...options.channel },
  )
  return {
    client,
    proxy,
    upstream,
    server,
    async close() {
      client.close()
      await proxy.close({ drainMs: 0 })
      await upstream.destroy()
      server.forceShutdown()
    },
  }
}

async function listen(server: Server, isSecure: boolean): Promise<number> {
  const { cert, key } = authority.issue({ names: ['127.0.0.1'] })
  const own = isSecure
    ? ServerCredentials.createSsl(null, [{ cert_chain: Buffer.from(cert), private_key: Buffer.from(key) }])
    : ServerCredentials.createInsecure()
  return await new Promise((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', own, (error, port) => (error === null ? resolve(port) : reject(error))),
  )
}
