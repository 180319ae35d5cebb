/** The corpus over the proxy's own engine on both sides. */
import { wireListener, wireTransport } from '@sluice/core'
import { expect, it } from 'vitest'
import { CORPUS, describeSmuggling } from './smuggling.ts'

describeSmuggling({ name: 'the own engine', isOwn: true, listener: wireListener, transport: wireTransport })

it('is a corpus of at least 300 different payloads', () => {
  const bytes = CORPUS.flatMap(({ payloads }) => payloads.map((payload) => payload.bytes))
  expect(new Set(bytes).size).toBeGreaterThanOrEqual(300)
})
