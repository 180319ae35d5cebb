export { identity, type Identity } from '@sluice/core'
export type { Identified, IdentityOf, Refusal, Strategy, StrategySnapshot, Verdict } from './strategy.ts'
export { defineStrategy, type StrategyDefinition } from './define-strategy.ts'
export { credentialReader, type Credential, type CredentialReader, type CredentialSource } from './credential-source.ts'
export { authCache, type AuthCache, type CachedVerdict, type CacheSnapshot } from './cache/auth-cache.ts'
export type { AuthCacheOptions } from './cache/auth-cache-options.ts'
export type { CacheOption } from './cache/cache-option.ts'
export { anyOf, type Strategies } from './compose/any-of.ts'
export { allOf, type AllIdentities, type IdentitiesOf } from './compose/all-of.ts'
export { optional, type MaybeIdentified, type OptionalOptions, type OptionalStrategy } from './compose/optional.ts'
export {
  requireIdentity,
  requireIdentity as require,
  type ClaimValue,
  type RequiredIdentity,
  type RequireOptions,
} from './require-identity.ts'
export type { Grants } from './grants.ts'
export { basic } from './basic/basic.ts'
export type { BasicOptions, UserCheck, UserLookup } from './basic/basic-options.ts'
export type { BasicIdentity, BasicUser } from './basic/users.ts'
export type { PasswordVerifier, PasswordVerifiers } from './basic/password.ts'
export { apiKey, type ApiKeyLookup, type ApiKeyOptions, type ApiKeyStrategy } from './api-key/api-key.ts'
export { apiKeyDigest, type ApiKeyEntry, type ApiKeyIdentity, type ApiKeyOwner } from './api-key/key-index.ts'
export {
  clientCertificate,
  type CertificateIdentity,
  type CertificateSubject,
  type ClientCertificateOptions,
} from './client-certificate/client-certificate.ts'
export type { CertificateRule } from './client-certificate/certificate-rules.ts'
export { jwt, type JwtIdentity, type JwtOptions } from './jwt/jwt.ts'
export type { JwtKeysOptions } from './jwt/jwt-keys.ts'
export type { TokenRules } from './jwt/token-verifier.ts'
export type { BearerOptions } from './bearer/bearer-check.ts'
export type { ClaimPath, ClaimsOptions } from './bearer/claims.ts'
export type { DpopOptions } from './dpop/dpop-options.ts'
export type { JwtAlgorithm, PairAlgorithm, SecretAlgorithm } from './keys/algorithms.ts'
export type { PrivateKeyInput, PublicKeyInput, SecretInput } from './keys/key-material.ts'
export type { KeySourceSnapshot } from './keys/key-source.ts'
export type { RemoteKeysOptions } from './keys/remote-keys.ts'
export { SigningKey, type SigningKeyOptions } from './keys/signing-key.ts'
export type { FetchFunction, FetchInit } from './outbound/fetch-reply.ts'
export { introspection, type IntrospectedIdentity, type IntrospectionOptions } from './introspection/introspection.ts'
export type { IntrospectionClientOptions } from './introspection/introspection-client.ts'
export type { IntrospectedClaims, IntrospectionRules } from './introspection/introspection-rules.ts'
export { forwardAuth, type ForwardAuthIdentity } from './forward-auth/forward-auth.ts'
export type { CacheKeyOption } from './forward-auth/cache-key.ts'
export type { ForwardAuthOptions } from './forward-auth/forward-auth-options.ts'
export { verifySignature, type SignatureClaims, type SignatureIdentity } from './signatures/verify-signature.ts'
export type { VerifySignatureOptions } from './signatures/verify-signature-options.ts'
export type { SignatureKeyOptions, SignatureKeys } from './signatures/signature-keys.ts'
export type { SignatureAlgorithm } from './signatures/signature-algorithms.ts'
export { signRequest, type SignRequestOptions } from './signatures/sign-request.ts'
export { digestBody, type DigestBodyOptions } from './signatures/digest-body.ts'
export type { DigestAlgorithm } from './signatures/content-digest.ts'
export { passIdentity, type IdentityPart, type PassIdentityOptions } from './pass/pass-identity.ts'
export { passJwt, type PassJwtOptions } from './pass/pass-jwt.ts'
export {
  accepted,
  cacheAsked,
  fileReloaded,
  fileReloadFailed,
  forwardAuthFailed,
  introspectionFailed,
  keysFetched,
  keysFetchFailed,
  refused,
  type AcceptedEvent,
  type CacheAskedEvent,
  type FileReloadedEvent,
  type FileReloadFailedEvent,
  type ForwardAuthFailedEvent,
  type IntrospectionFailedEvent,
  type KeysFetchedEvent,
  type KeysFetchFailedEvent,
  type RefusedEvent,
} from './events.ts'
