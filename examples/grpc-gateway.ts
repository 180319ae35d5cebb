/**
 * gRPC behind the gateway: two targets that share the calls, one by one; a key, a deadline, and a second try. Clients of gRPC and of
 * HTTP/1.1 come to one port. What the gateway refuses is a status of gRPC to the ones: see `grpc-status` in what curl shows.
 *
 *     node examples/grpc-gateway.ts
 *     curl http://localhost:8080/hello/Ada                                                                     # 200
 *     curl http://localhost:8080/hello/[1-4]                                                                   # 200 200 200 200
 *     curl -i -X POST -H 'Content-Type: application/grpc' http://localhost:8080/greeter.Greeter/Hello          # 200
 *     curl -i -X POST -H 'Content-Type: application/grpc' http://localhost:8080/greeter.Greeter/Hello/Goodbye  # 200
 *     curl -i -X POST http://localhost:8080/greeter.Greeter/Hello                                              # 401
 */
import { Client, credentials, Metadata, type sendUnaryData, Server, ServerCredentials, status } from '@grpc/grpc-js'
import { createProxy, createUpstream, defineMiddleware, http2Transport, Reply } from '@sluice/core'
import { deadline, outlierEjection, retry } from '@sluice/resilience'

interface Question {
  readonly name: string
}
interface Answer {
  readonly greeting: string
  readonly by: string
}

// Messages are JSON here; a proxy never looks into them.
const toBytes = (message: object): Buffer => Buffer.from(JSON.stringify(message))
const HELLO = {
  path: '/greeter.Greeter/Hello',
  requestStream: false,
  responseStream: false,
  requestSerialize: toBytes,
  requestDeserialize: (bytes: Buffer) => JSON.parse(bytes.toString()) as Question,
  responseSerialize: toBytes,
  responseDeserialize: (bytes: Buffer) => JSON.parse(bytes.toString()) as Answer,
} as const

/** A target: the URL of a server of gRPC, in the clear. */
async function greeter(name: string): Promise<string> {
  const server = new Server()
  server.addService(
    { hello: HELLO },
    {
      hello: ({ request }: { request: Question }, callback: sendUnaryData<Answer>) =>
        callback(null, { greeting: `Hello, ${request.name}!`, by: name }),
    },
  )
  return await new Promise((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(`http://127.0.0.1:${port}`) : reject(error),
    ),
  )
}

const greeters = createUpstream('greeters', {
  targets: [await greeter('one'), await greeter('two')],
  // HTTP/2 without TLS: that targets speak it has to be known. With `https` it is found out.
  transport: http2Transport({ priorKnowledge: true }),
  gates: [outlierEjection()],
  // Streams of gRPC may be silent for as long as they like; a PING finds out whether anybody is there.
  bodyIdleTimeoutMs: 0,
})

/** An ordinary 401: clients of gRPC get UNAUTHENTICATED. */
const keyed = defineMiddleware('keyed', (exchange, next) =>
  exchange.request.headers.get('x-api-key') === 's3cret' ? next(exchange) : Reply.text('no key', { status: 401 }),
)

const proxy = createProxy()
  .route({ path: '/greeter.Greeter/*' }, (route) =>
    route
      .use(keyed)
      // The client's `grpc-timeout` counts by itself; this bounds those that have none.
      .use(deadline({ timeoutMs: 5_000 }))
      // What a target says that it did not look at is tried elsewhere in any case.
      .use(retry({ methods: ['POST'] }))
      .forward(greeters),
  )
  .route({ path: '/hello/:name' }, (route) =>
    route.handle(async ({ params }) => {
      const { answer, error } = await hello({ name: params['name']! })
      if (error === undefined) return Reply.json(answer)
      return Reply.json({ error: status[error.code], details: error.details }, { status: 502 })
    }),
  )

const listener = await proxy.listen({ port: Number(process.env.PORT ?? 8080), http2: { cleartext: true } })

// A client like any other, which comes in by the front door.
const client = new Client(`localhost:${new URL(listener.address.url).port}`, credentials.createInsecure())

async function hello(question: Question) {
  const metadata = new Metadata()
  metadata.set('x-api-key', 's3cret')
  const { path, requestSerialize, responseDeserialize } = HELLO
  return await new Promise<{ answer?: Answer; error?: { code: number; details: string } }>((resolve) =>
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, question, metadata, (error, answer) =>
      resolve(error === null ? { answer: answer! } : { error }),
    ),
  )
}

console.log(`listening on ${listener.address.url}`)
