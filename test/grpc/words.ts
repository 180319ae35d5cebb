/** A service of gRPC whose messages are text: one method of each kind. Made without a schema, which a proxy never sees either. */
import {
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientWritableStream,
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type Metadata,
  type ServiceDefinition,
  type ServiceError,
  type UntypedServiceImplementation,
  type CallOptions,
} from '@grpc/grpc-js'

const toBytes = (text: string): Buffer => Buffer.from(text)
const toText = (bytes: Buffer): string => bytes.toString()

function method(name: string, requestStream: boolean, responseStream: boolean) {
  return {
    path: `/words.Words/${name}`,
    requestStream,
    responseStream,
    requestSerialize: toBytes,
    requestDeserialize: toText,
    responseSerialize: toBytes,
    responseDeserialize: toText,
  }
}

/** What a target implements. */
export interface WordsHandlers {
  readonly say: handleUnaryCall<string, string>
  readonly join: handleClientStreamingCall<string, string>
  readonly split: handleServerStreamingCall<string, string>
  readonly chat: handleBidiStreamingCall<string, string>
}

export const WORDS = {
  say: method('Say', false, false),
  join: method('Join', true, false),
  split: method('Split', false, true),
  chat: method('Chat', true, true),
} satisfies ServiceDefinition<WordsHandlers & UntypedServiceImplementation>

/** A reply with all that came with it. */
export interface Said {
  readonly text: string | undefined
  readonly error: ServiceError | undefined
  readonly metadata: Metadata | undefined
  readonly trailers: Metadata
}

export class WordsClient extends Client {
  /** Never rejects. */
  async say(text: string, metadata: Metadata, options: CallOptions = {}): Promise<Said> {
    let head: Metadata | undefined
    return await new Promise((resolve) => {
      let outcome: Pick<Said, 'text' | 'error'> = { text: undefined, error: undefined }
      this.makeUnaryRequest(WORDS.say.path, toBytes, toText, text, metadata, options, (error, reply) => {
        outcome = { text: reply, error: error ?? undefined }
      })
        .on('metadata', (received: Metadata) => (head = received))
        .on('status', ({ metadata: trailers }) =>
          // The callback is called in the same turn, before or after.
          setImmediate(() => resolve({ ...outcome, metadata: head, trailers })),
        )
    })
  }

  join(metadata: Metadata, done: (error: ServiceError | null, text?: string) => void): ClientWritableStream<string> {
    return this.makeClientStreamRequest(WORDS.join.path, toBytes, toText, metadata, done)
  }

  split(text: string, metadata: Metadata, options: CallOptions = {}): ClientReadableStream<string> {
    return this.makeServerStreamRequest(WORDS.split.path, toBytes, toText, text, metadata, options)
  }

  chat(metadata: Metadata, options: CallOptions = {}): ClientDuplexStream<string, string> {
    return this.makeBidiStreamRequest(WORDS.chat.path, toBytes, toText, metadata, options)
  }
}
