export { virtualClock, type VirtualClock, type VirtualClockOptions } from './virtual-clock.ts'
export { seededRandom } from './seeded-random.ts'
export { activeResources } from './active-resources.ts'
export { waitFor, type WaitForOptions } from './wait-for.ts'
export { echo, type Answer, type Chunk, type InformationalAnswer, type UpstreamHandler } from './upstream/answer.ts'
export type { RecordedField, RecordedRequest } from './upstream/recorded-request.ts'
export { fakeUpstream, type FakeUpstream, type FakeUpstreamOptions } from './upstream/fake-upstream.ts'
export { listenUpstream, type ListeningUpstream, type ListenUpstreamOptions } from './upstream/listen-upstream.ts'
export type { HostileBehaviour, Leave } from './hostile/hostile-behaviour.ts'
export { hostileUpstream, type HostileUpstream } from './hostile/hostile-upstream.ts'
export {
  rawClient,
  type RawClient,
  type RawClientEnd,
  type RawClientOptions,
  type ReadRawResponseOptions,
} from './client/raw-client.ts'
export type { ReceivedResponse } from './client/received-response.ts'
export {
  certificateAuthority,
  type CertificateAuthority,
  type IssuedCertificate,
  type IssueOptions,
} from './tls/certificate-authority.ts'
export { LOCALHOST_CERTIFICATE } from './tls/localhost-certificate.ts'
export { startRedis, type LocalRedis } from './redis/local-redis.ts'
