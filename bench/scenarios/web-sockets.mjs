/** WebSocket tunnels: what a message costs, and what a tunnel takes that does nothing. */
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { hasProbe, withProbe } from '../lib/ask-probe.mjs'
import { tunnelMessages } from '../lib/load-tunnels.mjs'
import { measureLoad } from '../lib/load.mjs'
import { openTunnel } from '../lib/open-tunnel.mjs'
import { residentBytes, servingProcesses } from '../lib/proc-stat.mjs'
import { loadValues, p99Ms, residentMib } from './columns.mjs'

const PROBE = new URL('../lib/collection-probe.mjs', import.meta.url).href
const SUBJECTS = ['nginx', 'haproxy', 'sluice', 'sluice-node', 'http-proxy-3']
const MESSAGE_BYTES = 125
/** Of the plain reply that a subject has to give before it is measured. */
const REPLY_BYTES = 863

const OPENING_AT_ONCE = 64
const SETTLE_MS = 2000
/** Files and sockets that a process has open besides its tunnels. */
const OTHER_DESCRIPTORS = 200

export const webSocketMessages = {
  name: 'websocket-messages',
  title: 'WebSocket messages',
  subjects: SUBJECTS,
  upstream: 'echo',
  load: tunnelMessages,
  columns: [
    { key: 'cpuMicros', title: 'CPU µs/message', digits: 2 },
    { key: 'requestsPerSecond', title: 'messages/s', digits: 0 },
    p99Ms,
    residentMib,
  ],
  must: [{ subject: 'sluice', baseline: 'nginx', atMost: 1.5 }],
  defaults: { connections: 64, seconds: 4, rounds: 5, warmupSeconds: 3, size: MESSAGE_BYTES },
  plan: ({ size, ...plan }) => ({ ...plan, messageBytes: size, replyBytes: REPLY_BYTES }),
  describe: ({ connections, size }) =>
    `Text messages of ${size} bytes, echoed by the target; ${connections} tunnels with one message under way in each. There and back are two messages.`,
  async measure(subject, plan) {
    const load = await measureLoad(subject, plan, tunnelMessages)
    return { values: loadValues(load, plan.messageBytes), errors: load.errors }
  },
}

export const idleTunnels = {
  name: 'idle-tunnels',
  title: 'Idle WebSocket tunnels',
  subjects: SUBJECTS,
  upstream: 'echo',
  load: tunnelMessages,
  // Memory that an earlier turn left behind would hide what this turn's tunnels take.
  fresh: true,
  nodeArguments: ['--import', PROBE],
  columns: [
    { key: 'kibPerTunnel', title: 'KiB/tunnel', digits: 1 },
    { key: 'idleMib', title: 'MiB with them', digits: 0 },
    { key: 'baseMib', title: 'MiB before', digits: 0 },
  ],
  must: [{ subject: 'sluice', key: 'kibPerTunnel', atMost: 25 }],
  defaults: { connections: 10_000, seconds: 0, rounds: 3, warmupSeconds: 3, size: MESSAGE_BYTES },
  // The warm-up is messages in a few tunnels; the idle ones are opened here.
  plan: ({ size, connections, ...plan }) => ({
    ...plan,
    connections: 64,
    idle: possibleTunnels(connections),
    messageBytes: size,
    replyBytes: REPLY_BYTES,
  }),
  describe: ({ connections }) =>
    `Growth of resident memory by ${possibleTunnels(connections)} open tunnels, the sockets of both sides together, in a process that has carried messages before. Node's garbage is collected before each look.`,
  async measure(subject, plan) {
    const pids = servingProcesses(subject.pid)
    await settle(subject)
    const before = residentBytes(pids)
    const tunnels = await openAll(subject.port, plan.idle)
    await settle(subject)
    const after = residentBytes(pids)
    const lost = tunnels.filter(({ socket }) => socket.closed || socket.readableEnded).length
    for (const { socket } of tunnels) socket.destroy()
    return {
      values: {
        kibPerTunnel: (after - before) / plan.idle / 1024,
        idleMib: after / 2 ** 20,
        baseMib: before / 2 ** 20,
      },
      errors: lost === 0 ? [] : [`${lost} tunnels were closed`],
    }
  },
}

/** A proxy has two sockets open for each, and the system may not let it have as many as were asked for. */
function possibleTunnels(count) {
  const limit = Number(/^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1] ?? Infinity)
  return Math.min(count, Math.floor((limit - OTHER_DESCRIPTORS) / 2))
}

async function settle(subject) {
  await delay(SETTLE_MS)
  if (!hasProbe(subject)) return
  // Twice: what the first one finalises the second one frees.
  await withProbe(subject, async (ask) => {
    await ask('collect')
    await ask('collect')
  })
  await delay(SETTLE_MS / 4)
}

async function openAll(port, count) {
  const tunnels = []
  let begun = 0
  const opener = async () => {
    while (begun++ < count) tunnels.push(await openTunnel(port, () => {}))
  }
  await Promise.all(Array.from({ length: OPENING_AT_ONCE }, opener))
  return tunnels
}
