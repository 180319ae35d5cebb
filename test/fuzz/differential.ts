/** Gives the same bytes to our reader and to Node's, case after case, and says where the two do not agree. */
import { disagreement } from './compare.ts'
import { Dice } from './dice.ts'
import { LEGAL_REPLIES, LEGAL_REQUESTS } from './legal-kinds.ts'
import { minimise } from './minimise.ts'
import { split } from './mutations.ts'
import type { Reading } from './reading.ts'
import { replyStream } from './reply-grammar.ts'
import { replyReaders } from './reply-readers.ts'
import { requestStream } from './request-grammar.ts'
import { nodeRequestReader, wireRequestReader } from './request-readers.ts'

export type Side = 'requests' | 'replies'

/** Two readings of one case. */
export interface Comparison {
  /** What is wrong, or `undefined`. */
  readonly found: string | undefined
  readonly ours: Reading
}

/** A case on which the two do not agree. */
export interface Failure {
  readonly side: Side
  /** A run with this seed begins with this case. */
  readonly seed: number
  readonly found: string
  readonly text: string
}

/** What a run has seen. */
export interface Tally {
  cases: number
  /** Messages that ours read to their end. */
  accepted: number
  /** Cases in which ours refused something. */
  refused: number
  /** How often each legal kind of difference was met. */
  readonly kinds: Map<string, number>
  readonly failures: Failure[]
}

/** Both readers of one side. */
export interface Pair {
  readonly side: Side
  compare(seed: number, pieces: readonly string[], kinds: Map<string, number>): Promise<Comparison>
  generate(seed: number): { readonly text: string; readonly pieces: readonly string[] }
  close(): Promise<void>
}

const MAX_FAILURES = 5

export async function requestPair(): Promise<Pair> {
  const wire = await wireRequestReader()
  const node = await nodeRequestReader()
  return {
    side: 'requests',
    async compare(_seed, pieces, kinds) {
      const [ours, nodes] = await Promise.all([wire.read(pieces), node.read(pieces)])
      return { ours, found: disagreement(ours, nodes, pieces.join(''), LEGAL_REQUESTS, kinds) }
    },
    generate: (seed) => generated(seed, requestStream),
    async close() {
      await Promise.all([wire.close(), node.close()])
    },
  }
}

export async function replyPair(): Promise<Pair> {
  const readers = await replyReaders()
  return {
    side: 'replies',
    async compare(seed, pieces, kinds) {
      const method = seed % 8 === 0 ? 'HEAD' : 'GET'
      const [ours, nodes] = await Promise.all([readers.ours(pieces, method), readers.nodes(pieces, method)])
      return { ours, found: disagreement(ours, nodes, pieces.join(''), LEGAL_REPLIES, kinds) }
    },
    generate: (seed) => generated(seed, replyStream),
    close: async () => await readers.close(),
  }
}

function generated(seed: number, grammar: (dice: Dice) => string): { text: string; pieces: string[] } {
  const dice = new Dice(seed)
  const text = grammar(dice)
  return { text, pieces: split(dice, text) }
}

/** Runs cases from `seed` on while `wantsMore`, `width` of them side by side; stops after a few failures. */
export async function runCases(
  pair: Pair,
  seed: number,
  wantsMore: (started: number) => boolean,
  width = 16,
): Promise<Tally> {
  const tally: Tally = { cases: 0, accepted: 0, refused: 0, kinds: new Map(), failures: [] }
  let started = 0
  const lane = async (): Promise<void> => {
    while (wantsMore(started) && tally.failures.length < MAX_FAILURES) await runCase(pair, seed + started++, tally)
  }
  await Promise.all(Array.from({ length: width }, lane))
  return tally
}

async function runCase(pair: Pair, seed: number, tally: Tally): Promise<void> {
  const { text, pieces } = pair.generate(seed)
  const { ours, found } = await pair.compare(seed, pieces, tally.kinds)
  tally.cases++
  tally.accepted += ours.messages.filter((message) => message.isComplete).length
  if (ours.isRefused) tally.refused++
  if (found === undefined) return
  tally.failures.push({ side: pair.side, seed, found, text })
}

/** The failure with the shortest text that still shows it, sent in one piece, or byte by byte where it takes that. */
export async function reduced(pair: Pair, failure: Failure): Promise<Failure> {
  for (const cut of [(text: string) => [text], (text: string) => text.split('')]) {
    const fails = async (text: string): Promise<boolean> =>
      (await pair.compare(failure.seed, cut(text), new Map())).found !== undefined
    if (!(await fails(failure.text))) continue
    const text = await minimise(failure.text, fails)
    const { found = failure.found } = await pair.compare(failure.seed, cut(text), new Map())
    return { ...failure, text, found }
  }
  return failure
}
