/** Sends one payload through a proxy, and checks what the upstream and the client got. */
import { rawClient, type RawClient, type ReceivedResponse, waitFor } from '@sluice/testing'
import { expect } from 'vitest'
import type { Payload } from './corpus/index.ts'
import { GUARDED, laxPaths, USER } from './guarded-proxy.ts'
import type { Arrived, RecordingUpstream } from './recording-upstreams.ts'

/** Where a payload is sent. */
export interface Site {
  readonly port: number
  readonly isOwn: boolean
  readonly upstream: RecordingUpstream
  /** A bare `http.Server`: what it reads in the bytes themselves is no secret to a proxy on the same parser. */
  readonly oracle: RecordingUpstream
  /** Exchanges under way. */
  inFlight(): number
}

interface Heard {
  /** Final responses to the payload. */
  readonly answers: readonly ReceivedResponse[]
  /** The answer to a request that was sent behind it, where the connection was still open. */
  readonly probe: ReceivedResponse | undefined
}

export async function runPayload(site: Site, payload: Payload, number: number): Promise<void> {
  const id = String(number).padStart(4, '0')
  site.upstream.reset()
  const isAwaited = payload.outcome === 'unfinished' || (payload.mayBeAwaited === true && !site.isOwn)
  const heard = await converse(site.port, payload, id, isAwaited)
  await waitFor(() => site.inFlight() === 0, { what: 'the exchange to end' })
  const hidden = site.upstream.begun.filter((target) => target.includes('smuggled') && !target.startsWith('/reflect/'))
  const allowed = site.isOwn || hidden.length === 0 ? [] : await openly(site.oracle, payload, id, hidden)
  expect(
    hidden.filter((target) => !allowed.includes(target)),
    'hidden requests',
  ).toEqual([])
  checkUpstream(site.upstream, payload, id, heard, allowed.length)
  if (allowed.length > 0) return
  checkClient(site, payload, id, heard)
}

/** The requests that Node's parser reads in the bytes of the payload themselves: pipelined in the open, then. */
async function openly(
  oracle: RecordingUpstream,
  payload: Payload,
  id: string,
  hidden: readonly string[],
): Promise<readonly string[]> {
  oracle.reset()
  const client = await rawClient({ port: Number(new URL(oracle.url).port) })
  client.write(payload.bytes.replaceAll('0000', id))
  await waitFor(() => oracle.begun.some((target) => target.includes('smuggled')), {
    what: `Node's own reading of ${hidden.join(' ')}`,
  })
  client.destroy()
  return oracle.begun
}

async function converse(port: number, payload: Payload, id: string, isAwaited: boolean): Promise<Heard> {
  const client = await rawClient({ port })
  try {
    client.write(payload.bytes.replaceAll('0000', id))
    if (isAwaited) {
      client.end()
      await client.closed
      return { answers: await readAll(client, Number.POSITIVE_INFINITY), probe: undefined }
    }
    const isHead = payload.bytes.startsWith('HEAD ')
    const answers = await readAll(client, payload.answers ?? 1, isHead)
    const closes = answers.length < (payload.answers ?? 1) || answers.at(-1)!.header('connection') === 'close'
    if (!closes) client.write(`GET /probe-${id} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n`)
    const [probe] = closes ? [] : await readAll(client, 1)
    const surplus = await readAll(client, Number.POSITIVE_INFINITY)
    return { answers: [...answers, ...surplus], probe }
  } finally {
    client.destroy()
  }
}

/** Final responses, until there are `count` or the connection ends. */
async function readAll(client: RawClient, count: number, bodyless = false): Promise<ReceivedResponse[]> {
  const responses: ReceivedResponse[] = []
  while (responses.length < count) {
    try {
      const response = await client.readResponse({ timeoutMs: 5_000, bodyless })
      if (response.status >= 200) responses.push(response)
    } catch (error) {
      if (/ended before|ended after/.test(String(error))) break
      throw error
    }
  }
  return responses
}

function checkUpstream(
  { arrived, violations }: RecordingUpstream,
  payload: Payload,
  id: string,
  heard: Heard,
  allowed: number,
): void {
  expect(violations, 'what the upstream can not read').toEqual([])
  for (const request of arrived) checkRequest(request)
  const meant = arrived.filter(({ target }) => target !== `/probe-${id}`)
  expect(meant.length, 'requests that became whole').toBeLessThanOrEqual(Math.max(payload.answers ?? 1, allowed))
  if (allowed === 0 && heard.probe?.status === 200) expect(arrived.length - meant.length, 'the request behind').toBe(1)
}

function checkRequest({ target, fields }: Arrived): void {
  const all = (name: string): string[] => fields.filter(([each]) => each === name).map(([, value]) => value)
  expect(all('host'), 'Host').toHaveLength(1)
  expect(all('host')[0]).not.toContain('evil')
  expect(all('x-user'), 'the user that the middleware set').toEqual([USER])
  expect(all('content-length').length + all('transfer-encoding').length, 'framing fields').toBeLessThanOrEqual(1)
  expect(all('x-injected')).toEqual([])
  const guarded = [...laxPaths(target)].filter((path) => path === GUARDED || path.startsWith(`${GUARDED}/`))
  expect(guarded, `what an upstream could make of ${target}`).toEqual([])
}

function checkClient(site: Site, payload: Payload, id: string, { answers, probe }: Heard): void {
  const { outcome, status, answers: count = 1 } = payload
  const statuses = answers.map((response) => response.status)
  const said = `got ${JSON.stringify(statuses)}`
  expect(answers.flatMap(({ headers }) => headers).filter(([name]) => name.toLowerCase() === 'x-injected')).toEqual([])
  if (probe?.status === 200)
    expect(probe.body.toString('latin1'), 'the answer to the request behind').toBe(`/probe-${id}`)
  const wasRefused = statuses.length === 1 && statuses[0]! >= 400 && statuses[0] !== 403
  if (!site.isOwn) {
    // Another engine may refuse more, or read something generously: the upstream has said what counts.
    return
  }
  if (outcome === 'unfinished') {
    expect(
      statuses.every((each) => each >= 400),
      said,
    ).toBe(true)
    return expect(site.upstream.arrived).toEqual([])
  }
  if (outcome === 'refused') {
    expect(wasRefused, said).toBe(true)
    if (status !== undefined) expect(statuses).toEqual([status])
    expect(probe, 'the connection is closed behind it').toBeUndefined()
    return expect(site.upstream.arrived).toEqual([])
  }
  expect(statuses, said).toHaveLength(count)
  if (probe !== undefined) expect(probe.status, 'of the request behind').toBe(200)
  if (outcome === 'single') expect(statuses).toEqual(Array.from({ length: count }, () => status ?? 200))
}
