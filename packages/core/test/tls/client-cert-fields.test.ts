/** Reading `Client-Cert` (RFC 9440): one certificate in DER, as a byte sequence, and nothing else. */
import { X509Certificate } from 'node:crypto'
import { certificateAuthority } from '@sluice/testing'
import { expect, it } from 'vitest'
import { parseClientCert } from '../../src/index.ts'

const { cert } = certificateAuthority('Root').issue({ commonName: 'alice', names: ['alice.example'] })
const { raw, fingerprint256 } = new X509Certificate(cert)
const field = (bytes: Buffer | string) => `:${Buffer.from(bytes).toString('base64')}:`

it('a certificate is read, as verified by whoever has sent it', () => {
  expect(parseClientCert(field(raw))).toMatchObject({
    authorized: true,
    authorizationError: undefined,
    subject: 'CN=alice',
    issuer: 'CN=Root',
    fingerprint256,
    subjectAltNames: [{ type: 'dns', value: 'alice.example' }],
    chain: [],
  })
})

it.each([
  ['text without colons', raw.toString('base64')],
  ['bytes that are no certificate', field('abc')],
  ['nothing', ''],
  ['an empty sequence', '::'],
  ['PEM', field(cert)],
  ['more behind the certificate', field(Buffer.concat([raw, Buffer.from([0])]))],
  ['a certificate that is cut off', field(raw.subarray(0, -1))],
  ['two of them', `${field(raw)}, ${field(raw)}`],
  ['a parameter', `${field(raw)};a=1`],
  ['a space', ` ${field(raw)}`],
])('%s is not', (_, value) => {
  expect(parseClientCert(value)).toBeUndefined()
})
