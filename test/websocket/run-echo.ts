/** The short form of `pnpm echo`: each way in with one transport, and the largest messages where they tell something new. */
import { afterAll, beforeAll, describe, it } from 'vitest'
import { ECHO_CLIENTS } from './echo-clients.ts'
import {
  AS_THEY_ARE,
  AT_ONCE,
  type EchoSite,
  echoEverySize,
  echoManyAtOnce,
  echoSite,
  LARGEST,
  MIB,
  TAKEN_APART,
  WAYS_OUT,
} from './echo.ts'
import { WAYS_IN, type WayIn } from './ways-in.ts'

const CASES = WAYS_IN.flatMap((wayIn, index) => {
  const isFirst = WAYS_IN.findIndex((each) => isAlike(each, wayIn)) === index
  const plain = {
    wayIn,
    wayOut: WAYS_OUT[index % WAYS_OUT.length]!,
    mode: 'as they are',
    options: AS_THEY_ARE,
    isFirst,
  }
  // One of each protocol.
  const isTakenApart = isFirst && wayIn.isSecure === (wayIn.protocol === 'HTTP/2')
  return isTakenApart ? [plain, { ...plain, mode: 'taken apart', options: TAKEN_APART }] : [plain]
})

function isAlike(one: WayIn, other: WayIn): boolean {
  return one.protocol === other.protocol && one.isSecure === other.isSecure
}

export function runEcho(protocol: WayIn['protocol']): void {
  const cases = CASES.filter(({ wayIn }) => wayIn.protocol === protocol)
  describe.each(cases)('$wayIn.name, $wayOut.name transport, $mode', ({ wayIn, wayOut, mode, options, isFirst }) => {
    let site: EchoSite
    beforeAll(async () => {
      site = await echoSite(wayIn, wayOut, options)
    })
    afterAll(async () => await site.close())

    it.each(ECHO_CLIENTS)('carries every size for $name', { timeout: 20_000 }, async (kind) => {
      const largest = kind.name === 'ws' ? LARGEST : MIB
      await echoEverySize(site, kind, isFirst && mode === 'as they are' ? largest : largest / 16)
    })

    if (!isFirst) return
    it(`carries those of ${AT_ONCE} clients at once`, { timeout: 20_000 }, async () => {
      await echoManyAtOnce(site, 1)
    })
  })
}
