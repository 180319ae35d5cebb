/** Runs the whole table through one entry. Its servers, one for each proxy, and the upstream start once. */
import { type Transport, wireTransport } from '@sluice/core'
import {
  echo,
  hostileUpstream,
  listenUpstream,
  type ListenUpstreamOptions,
  type RecordedRequest,
  waitFor,
} from '@sluice/testing'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { type AnyProxy, type BehaviourCase, type BehaviourGroup, type Site, upstreamsOn } from './behaviour-case.ts'
import { BEHAVIOUR } from './behaviour.ts'
import { checkReply, checkRequests } from './check-outcome.ts'
import type { Entry, Observed, OpenEntry } from './entry.ts'

const ODD_REPLY = 'HTTP/1.1 299 Fine By Me\r\nContent-Length: 4\r\n\r\nodd!'

/** Marks the requests of a case, so that the upstream knows how to answer, and that each case finds its own. */
const MARK = 'X-Case'

/** What runs while a table does. */
interface Stage {
  readonly site: Site
  readonly requests: readonly RecordedRequest[]
  /** How the upstream answers each case's requests, by its mark. */
  readonly answers: Map<string, (request: RecordedRequest) => ReturnType<typeof echo>>
  close(): Promise<void>
}

/** A group whose proxy is up. */
interface OpenGroup {
  readonly proxy: AnyProxy
  readonly open: OpenEntry
}

/** A case that was begun. */
interface Run {
  readonly mark: string
  readonly observed: Promise<Observed>
}

/** Declares the tests of one entry; with `targets` its upstream speaks something else. */
export function runTable(
  entry: Entry,
  createTransport: () => Transport = wireTransport,
  targets: Pick<ListenUpstreamOptions, 'http2'> = {},
): void {
  describe(entry.name, () => {
    let stage: Stage
    const groups = new Map<BehaviourGroup, OpenGroup>()
    const begun = new Map<BehaviourCase, Run>()

    beforeAll(async () => {
      stage = await setStage(upstreamsOn(createTransport), targets)
      for (const group of BEHAVIOUR) {
        const proxy = group.proxy(stage.site)
        const open = await entry.open(proxy)
        groups.set(group, { proxy, open })
        for (const row of casesFor(entry, group, targets.http2 === true))
          if (row.isSlow === true) begun.set(row, begin(stage, open, row))
      }
    })

    afterAll(async () => {
      for (const { proxy, open } of groups.values()) {
        await open.close()
        await proxy.close()
      }
      await stage.close()
    })

    for (const group of BEHAVIOUR.filter((each) => casesFor(entry, each, targets.http2 === true).length > 0)) {
      describe(group.name, () => {
        for (const row of casesFor(entry, group, targets.http2 === true)) {
          it(row.name, async () => {
            const { proxy, open } = groups.get(group)!
            const { mark, observed } = begun.get(row) ?? begin(stage, open, row)
            checkReply(await observed, row, entry, stage.site)
            await waitFor(() => proxy.inFlight === 0, { what: 'the exchange to end' })
            const requests = stage.requests.filter((each) => each.header(MARK) === mark)
            checkRequests(requests, row.expected.upstream, stage.site, entry.arrival)
          })
        }
      })
    }
  })
}

/** Those that the entry's clients, and the targets, can express. */
function casesFor(entry: Entry, group: BehaviourGroup, isHttp2Target: boolean): readonly BehaviourCase[] {
  const isHttp2 = entry.arrival?.httpVersion === '2.0'
  return group.cases.filter(
    ({ needsConnectionFields = false, needsHttp1Target = false }) =>
      !(isHttp2 && needsConnectionFields) && !(isHttp2Target && needsHttp1Target),
  )
}

function begin(stage: Stage, open: OpenEntry, row: BehaviourCase): Run {
  const mark = String(stage.answers.size + 1)
  const { promise, resolve } = Promise.withResolvers<void>()
  const { answer = echo } = row
  stage.answers.set(mark, (request) => answer(request, promise))
  const observed = open.send(
    { ...row.request, headers: [...(row.request.headers ?? []), [MARK, mark]] },
    row.watchFor === undefined ? undefined : { text: row.watchFor, seen: resolve },
  )
  // A slow one may fail before its test awaits it.
  observed.catch(() => {})
  return { mark, observed }
}

async function setStage(
  createUpstream: Site['createUpstream'],
  targets: Pick<ListenUpstreamOptions, 'http2'>,
): Promise<Stage> {
  const answers: Stage['answers'] = new Map()
  const refusing = await hostileUpstream({ kind: 'refuse' })
  const odd =
    targets.http2 === true
      ? await listenUpstream(() => ({ status: 299, body: 'odd!' }), targets)
      : await hostileUpstream({ kind: 'raw', bytes: ODD_REPLY, leave: 'fin' })
  const upstream = await listenUpstream((request) => answers.get(request.header(MARK) ?? '')!(request), targets)
  return {
    site: {
      upstream: upstream.url,
      refused: refusing.url,
      odd: odd.url,
      targetVersion: targets.http2 === true ? '2.0' : '1.1',
      createUpstream,
    },
    requests: upstream.requests,
    answers,
    async close() {
      await Promise.all([refusing.close(), odd.close(), upstream.close()])
    },
  }
}
