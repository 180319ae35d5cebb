/**
 * Whatever a client of HTTP/2 floods a proxy with, it is cut off, or timed out; all the while others are answered,
 * and little memory is held. What it does to their latencies is measured by `pnpm floods`.
 */
import { waitFor } from '@sluice/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Attacker } from './attacker.ts'
import { type FloodedProxy, floodedProxy } from './flooded-proxy.ts'
import { EACH, type Flood, FLOODS, pour } from './floods.ts'
import { ERROR } from './frames.ts'
import { type OrdinaryClients, ordinaryClients } from './ordinary-clients.ts'

const MIB = 1_048_576
/** What a flood may make the proxy hold: 200 MiB are asked for in large replies, and 8 GiB of fields in header bombs. */
const HELD = 64 * MIB
/** Streams that a connection may have at the same time, and resets that it has before it is cut off. */
const MAX_ATTACKS = 400
const ASKED = 20

const [CUT_OFF, TIMED_OUT] = (['cut-off', 'timed-out'] as const).map((wanted) =>
  FLOODS.filter(({ outcome }) => outcome === wanted),
) as [Flood[], Flood[]]

let proxy: FloodedProxy
let clients: readonly OrdinaryClients[]
const attackers: Attacker[] = []

beforeAll(async () => {
  proxy = await floodedProxy()
  clients = await ordinaryClients(proxy.ports.secure)
  await askAll()
  await proxy.look()
}, 20_000)
afterAll(async () => {
  for (const client of clients) client.close()
  await proxy.close()
})
afterEach(() => {
  for (const attacker of attackers.splice(0)) attacker.close()
})

async function attack(flood: Flood, isSecure: boolean): Promise<Attacker> {
  const port = isSecure ? proxy.ports.secure : proxy.ports.plain
  const attacker = await Attacker.connect({ port, isSecure, settings: flood.settings ?? [] })
  attackers.push(attacker)
  return attacker
}

/** Rejects where one of them is not answered with what it asked for. */
async function askAll(): Promise<void> {
  await Promise.all(
    clients.map(async ({ ask }) => {
      for (let i = 0; i < ASKED; i++) await ask()
    }),
  )
}

/** Nothing is left of them, and it has held no more than it may. */
async function expectWell(before: number): Promise<void> {
  for (const attacker of attackers.splice(0)) attacker.close()
  const { peakBytes } = await proxy.look()
  expect((peakBytes - before) / MIB).toBeLessThan(HELD / MIB)
  await expect.poll(async () => (await proxy.look()).inFlight, { interval: 20, timeout: 15_000 }).toBe(0)
  expect(proxy.isWell).toBe(true)
}

describe('a client that floods its connection', () => {
  beforeEach(async () => await proxy.attacks())

  it.each(CUT_OFF)('with $name is cut off', async (flood) => {
    const before = (await proxy.look()).bytes
    const attacker = await attack(flood, CUT_OFF.indexOf(flood) % 2 === 0)
    await Promise.all([pour(flood, attacker), askAll()])
    await waitFor(() => attacker.socket.closed, { timeoutMs: 10_000, what: 'its connection to be closed' })
    expect(attacker.received.goAways).not.toContain(ERROR.none)
    expect(await proxy.attacks()).toBeLessThanOrEqual(MAX_ATTACKS)
    await expectWell(before)
  })
})

describe('a client that waits', () => {
  it('for ever, where it is its turn, is not waited for', { timeout: 60_000 }, async () => {
    const before = (await proxy.look()).bytes
    const waiting = await Promise.all(
      TIMED_OUT.map(async (flood) => {
        const attacker = await attack(flood, false)
        await pour(flood, attacker)
        return { flood, received: attacker.received, isOver: () => attacker.isOver }
      }),
    )
    await askAll()
    for (const { flood, received, isOver } of waiting)
      await waitFor(() => isOver() || received.resets.length === EACH, {
        timeoutMs: 15_000,
        what: `${flood.name} to end`,
      })
    await expectWell(before)
  })
})
