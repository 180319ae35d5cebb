/** Ports of loopback that nobody can connect to: one that refuses, one that keeps a connection waiting for ever. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { Worker } from 'node:worker_threads'

/** A port held until it is closed. */
export interface HeldPort {
  readonly port: number
  close(): Promise<void>
}

/**
 * A port that refuses. It is the near end of a connection that stays open, so that nobody else comes to listen there in
 * the meantime, as may happen to a port that was only free a moment ago.
 */
export async function refusingPort(): Promise<HeldPort> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const near = connect((server.address() as AddressInfo).port, '127.0.0.1')
  await once(near, 'connect')
  const [far] = await accepted
  far.on('error', () => {})
  return {
    port: near.localPort ?? 0,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      // Reset, so that the port does not linger in TIME_WAIT.
      near.resetAndDestroy()
      far.destroy()
      await closed
    },
  }
}

/** Listens with the shortest of queues, then sleeps: a thread that sleeps accepts nothing. */
const SLEEPING_LISTENER = `
  const { parentPort, workerData } = require('node:worker_threads')
  const server = require('node:net').createServer()
  server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
    parentPort.postMessage(server.address().port)
    Atomics.wait(workerData, 0, 0)
    process.exit()
  })`

/** More than the queue ever holds; Linux takes one more than it is told. */
const MAX_QUEUED = 8
const CONNECTS_WITHIN_MS = 40

/** A port where connecting hangs. */
export async function hangingPort(): Promise<HeldPort> {
  const wakeUp = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(SLEEPING_LISTENER, { eval: true, workerData: wakeUp, execArgv: [] })
  const [port] = (await once(worker, 'message')) as [number]
  const queued: Socket[] = []
  const close = async (): Promise<void> => {
    for (const socket of queued) socket.destroy()
    const exited = once(worker, 'exit')
    Atomics.store(wakeUp, 0, 1)
    Atomics.notify(wakeUp, 0)
    await exited
  }
  for (let i = 0; i < MAX_QUEUED; i++) {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    queued.push(socket)
    if (!(await connectsInTime(socket))) return { port, close }
  }
  await close()
  throw new Error(`a listener that accepts nothing let ${MAX_QUEUED} connections through on this system`)
}

async function connectsInTime(socket: Socket): Promise<boolean> {
  return await new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => resolve(false), CONNECTS_WITHIN_MS)
    socket.once('connect', () => {
      clearTimeout(timer)
      resolve(true)
    })
  })
}
