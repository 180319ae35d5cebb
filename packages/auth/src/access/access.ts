export {
  accessRules,
  type AccessExplanation,
  type AccessGuard,
  type AccessRulesOptions,
  type AccessRuleSnapshot,
  type AccessSnapshot,
} from './access-rules.ts'
export { allowAddresses, denyAddresses, type AddressGuardOptions } from './address-guards.ts'
export type { AccessAction, AccessRule, Addresses } from './access-rule.ts'
export type { CertificateMatch } from './certificate-match.ts'
export type { TimeWindow, Weekday } from './time-window.ts'
export { PATH_READINGS, type PathReading } from './path-readings.ts'
export { cidrList, type CidrList, type CidrListOptions, type CidrListSnapshot } from './cidr-list.ts'
export {
  accessRefused,
  cidrListFailed,
  cidrListReplaced,
  type AccessRefusedEvent,
  type CidrListFailedEvent,
  type CidrListReplacedEvent,
} from './events.ts'
export { cors, type CorsGuard, type CorsOptions, type CorsSnapshot } from './cors.ts'
export {
  fetchMetadata,
  type FetchMetadataGuard,
  type FetchMetadataOptions,
  type FetchMetadataReason,
  type FetchMetadataSnapshot,
} from './fetch-metadata.ts'
