/** The examples of RFC 9421, appendix B, and of its section 2: facts, to be compared with. */
import { HeaderList } from '@sluice/wire'
import { type InnerList, parseDictionary, parseItem } from 'structured-headers'
import { describe, expect, it } from 'vitest'
import { type SignatureKeyOptions, verifySignature } from '../../src/index.ts'
import { readPublicKey } from '../../src/keys/key-material.ts'
import { ComponentError, componentValue } from '../../src/signatures/components.ts'
import { verifyBase } from '../../src/signatures/signature-algorithms.ts'
import { signatureBase } from '../../src/signatures/signature-base.ts'
import type { SignedMessage } from '../../src/signatures/signed-message.ts'
import { setUp } from '../set-up.ts'

const pem = (...lines: string[]) => `-----BEGIN PUBLIC KEY-----\n${lines.join('\n')}\n-----END PUBLIC KEY-----\n`
/** Appendix B.1. */
const RSA_PSS = pem(
  'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAr4tmm3r20Wd/PbqvP1s2',
  '+QEtvpuRaV8Yq40gjUR8y2Rjxa6dpG2GXHbPfvMs8ct+Lh1GH45x28Rw3Ry53mm+',
  'oAXjyQ86OnDkZ5N8lYbggD4O3w6M6pAvLkhk95AndTrifbIFPNU8PPMO7OyrFAHq',
  'gDsznjPFmTOtCEcN2Z1FpWgchwuYLPL+Wokqltd11nqqzi+bJ9cvSKADYdUAAN5W',
  'Utzdpiy6LbTgSxP7ociU4Tn0g5I6aDZJ7A8Lzo0KSyZYoA485mqcO0GVAdVw9lq4',
  'aOT9v6d+nb4bnNkQVklLQ3fVAvJm+xdDOp9LCNCN48V2pnDOkFV6+U9nV5oyc6XI',
  '2wIDAQAB',
)
const P256 = pem(
  'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lf',
  'w0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==',
)
const ED25519 = pem('MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=')
const SHARED = Buffer.from(
  'uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==',
  'base64',
)
const keys: readonly SignatureKeyOptions[] = [
  { keyid: 'test-key-rsa-pss', algorithm: 'rsa-pss-sha512', key: RSA_PSS },
  { keyid: 'test-key-ecc-p256', algorithm: 'ecdsa-p256-sha256', key: P256 },
  { keyid: 'test-key-ed25519', algorithm: 'ed25519', key: ED25519 },
  { keyid: 'test-shared-secret', algorithm: 'hmac-sha256', key: SHARED },
]
const CREATED = 1_618_884_473

/** `test-request` of appendix B.2. */
const REQUEST = {
  method: 'POST',
  path: '/foo?param=Value&Pet=dog',
  headers: {
    Host: 'example.com',
    Date: 'Tue, 20 Apr 2021 02:07:55 GMT',
    'Content-Type': 'application/json',
    'Content-Digest':
      'sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:',
    'Content-Length': '18',
  },
  body: '{"hello": "world"}',
}

const SIGNED: readonly (readonly [name: string, input: string, signature: string])[] = [
  [
    'B.2.1 (rsa-pss-sha512, nothing covered)',
    'sig-b21=();created=1618884473;keyid="test-key-rsa-pss";nonce="b3k2pp5k7z-50gnwp.yemd"',
    'sig-b21=:d2pmTvmbncD3xQm8E9ZV2828BjQWGgiwAaw5bAkgibUopemLJcWDy/lkbbHAve4cRAtx31Iq786U7it++wgGxbtRxf8Udx7zFZsckzXaJMkA7ChG52eSkFxykJeNqsrWH5S+oxNFlD4dzVuwe8DhTSja8xxbR/Z2cOGdCbzR72rgFWhzx2VjBqJzsPLMIQKhO4DGezXehhWwE56YCE+O6c0mKZsfxVrogUvA4HELjVKWmAvtl6UnCh8jYzuVG5WSb/QEVPnP5TmcAnLH1g+s++v6d4s8m0gCw1fV5/SITLq9mhho8K3+7EPYTU8IU1bLhdxO5Nyt8C8ssinQ98Xw9Q==:',
  ],
  [
    'B.2.2 (rsa-pss-sha512, some)',
    'sig-b22=("@authority" "content-digest" "@query-param";name="Pet");created=1618884473;keyid="test-key-rsa-pss";tag="header-example"',
    'sig-b22=:LjbtqUbfmvjj5C5kr1Ugj4PmLYvx9wVjZvD9GsTT4F7GrcQEdJzgI9qHxICagShLRiLMlAJjtq6N4CDfKtjvuJyE5qH7KT8UCMkSowOB4+ECxCmT8rtAmj/0PIXxi0A0nxKyB09RNrCQibbUjsLS/2YyFYXEu4TRJQzRw1rLEuEfY17SARYhpTlaqwZVtR8NV7+4UKkjqpcAoFqWFQh62s7Cl+H2fjBSpqfZUJcsIk4N6wiKYd4je2U/lankenQ99PZfB4jY3I5rSV2DSBVkSFsURIjYErOs0tFTQosMTAoxk//0RoKUqiYY8Bh0aaUEb0rQl3/XaVe4bXTugEjHSw==:',
  ],
  [
    'B.2.3 (rsa-pss-sha512, all)',
    'sig-b23=("date" "@method" "@path" "@query" "@authority" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-rsa-pss"',
    'sig-b23=:bbN8oArOxYoyylQQUU6QYwrTuaxLwjAC9fbY2F6SVWvh0yBiMIRGOnMYwZ/5MR6fb0Kh1rIRASVxFkeGt683+qRpRRU5p2voTp768ZrCUb38K0fUxN0O0iC59DzYx8DFll5GmydPxSmme9v6ULbMFkl+V5B1TP/yPViV7KsLNmvKiLJH1pFkh/aYA2HXXZzNBXmIkoQoLd7YfW91kE9o/CCoC1xMy7JA1ipwvKvfrs65ldmlu9bpG6A9BmzhuzF8Eim5f8ui9eH8LZH896+QIF61ka39VBrohr9iyMUJpvRX2Zbhl5ZJzSRxpJyoEZAFL2FUo5fTIztsDZKEgM4cUA==:',
  ],
  [
    'B.2.5 (hmac-sha256)',
    'sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"',
    'sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:',
  ],
  [
    'B.2.6 (ed25519)',
    'sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"',
    'sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:',
  ],
]

function gateway() {
  const strategy = verifySignature({ keys, components: [], contentDigest: 'if-covered' })
  return setUp([strategy], { wallTime: CREATED * 1_000 + 500 })
}

describe('RFC 9421, appendix B.2', () => {
  it.each(SIGNED)('%s is accepted', async (_, input, signature) => {
    const { inject, errors } = gateway()
    const headers = { ...REQUEST.headers, 'Signature-Input': input, Signature: signature }
    expect([(await inject({ ...REQUEST, headers })).status, errors]).toEqual([200, []])
  })

  it.each(SIGNED.slice(1))('%s is refused where what it covers was changed', async (_, input, signature) => {
    const { inject } = gateway()
    const headers = { ...REQUEST.headers, Host: 'example.org', 'Signature-Input': input, Signature: signature }
    expect((await inject({ ...REQUEST, headers })).status).toBe(401)
  })

  it.each(SIGNED)('%s is refused with another signature', async (_, input, signature) => {
    const { inject } = gateway()
    const at = signature.length - 10
    const other = signature.slice(0, at) + (signature[at] === 'A' ? 'B' : 'A') + signature.slice(at + 1)
    const headers = { ...REQUEST.headers, 'Signature-Input': input, Signature: other }
    expect((await inject({ ...REQUEST, headers })).status).toBe(401)
  })

  it('B.2.4 (ecdsa-p256-sha256) has the signature of its base, which is of a response', () => {
    const base = [
      '"@status": 200',
      '"content-type": application/json',
      '"content-digest": sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:',
      '"content-length": 23',
      '"@signature-params": ("@status" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-ecc-p256"',
    ].join('\n')
    const signature = Buffer.from(
      'wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw==',
      'base64',
    )
    const { key } = readPublicKey(P256, 'test')
    expect(verifyBase(base, signature, key, 'ecdsa-p256-sha256')).toBe(true)
    expect(verifyBase(`${base} `, signature, key, 'ecdsa-p256-sha256')).toBe(false)
  })
})

describe('RFC 9421, appendix B.3', () => {
  it('is accepted: a proxy that ends TLS tells of the certificate', async () => {
    const { inject, errors } = gateway()
    const headers = {
      ...REQUEST.headers,
      Host: 'service.internal.example',
      'Client-Cert':
        ':MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKDBJMZXQncyBBdXRoZW50aWNhdGUxGzAZBgNVBAMMEkxBIEludGVybWVkaWF0ZSBDQTAeFw0yMDAxMTQyMjU1MzNaFw0yMTAxMjMyMjU1MzNaMA0xCzAJBgNVBAMMAkJDMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8YnXXfaUgmnMtOXU/IncWalRhebrXmckC8vdgJ1p5Be5F/3YC8OthxM4+k1M6aEAEFcGzkJiNy6J84y7uzo9M6NyMHAwCQYDVR0TBAIwADAfBgNVHSMEGDAWgBRm3WjLa38lbEYCuiCPct0ZaSED2DAOBgNVHQ8BAf8EBAMCBsAwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHQYDVR0RAQH/BBMwEYEPYmRjQGV4YW1wbGUuY29tMAoGCCqGSM49BAMCA0gAMEUCIBHda/r1vaL6G3VliL4/Di6YK0Q6bMjeSkC3dFCOOB8TAiEAx/kHSB4urmiZ0NX5r5XarmPk0wmuydBVoU4hBVZ1yhk=:',
      'Signature-Input':
        'ttrp=("@path" "@query" "@method" "@authority" "client-cert");created=1618884473;keyid="test-key-ecc-p256"',
      Signature: 'ttrp=:xVMHVpawaAC/0SbHrKRs9i8I3eOs5RtTMGCWXm/9nvZzoHsIg6Mce9315T6xoklyy0yzhD9ah4JHRwMLOgmizw==:',
    }
    expect([(await inject({ ...REQUEST, headers })).status, errors]).toEqual([200, []])
  })
})

describe('RFC 9421, appendix B.4', () => {
  const signed = {
    'Signature-Input':
      'transform=("@method" "@path" "@authority" "accept");created=1618884473;keyid="test-key-ed25519"',
    Signature: 'transform=:ZT1kooQsEHpZ0I1IjCqtQppOmIqlJPeo7DHR3SoMn0s5JZ1eRGS0A+vyYP9t/LXlh5QMFFQ6cpLt2m0pmj3NDA==:',
  }
  const path = '/demo?name1=Value1&Name2=value2'
  const Accept = ['application/json', '*/*']

  it.each<[string, object, number]>([
    ['as it was signed', { headers: { Host: 'example.org', Accept } }, 200],
    ['with another query', { path: `${path}&param=added`, headers: { Host: 'example.org', Accept } }, 200],
    [
      'with other fields',
      { headers: { Host: 'example.org', Referer: 'https://developer.example.org/demo', Accept } },
      200,
    ],
    ['with the fields in one line', { headers: { Host: 'example.org', Accept: 'application/json, */*' } }, 200],
    ['with another method', { method: 'POST', headers: { Host: 'example.org', Accept } }, 401],
    ['with another host', { headers: { Host: 'example.com', Accept } }, 401],
    ['with the fields in another order', { headers: { Host: 'example.org', Accept: Accept.toReversed() } }, 401],
  ])('%s', async (_, request, status) => {
    const { inject } = gateway()
    const { headers } = request as { headers: Record<string, string> }
    expect((await inject({ path, ...request, headers: { ...headers, ...signed } })).status).toBe(status)
  })
})

describe('RFC 9421, section 2', () => {
  const message = (fields: readonly (readonly [string, string])[], target = '/'): SignedMessage => ({
    method: 'POST',
    scheme: 'https',
    authority: 'www.example.com',
    requestTarget: target,
    target,
    headers: new HeaderList(fields),
  })
  const value = (component: string, of: SignedMessage) => componentValue(parseItem(component), of)

  it.each<[string, readonly (readonly [string, string])[], string]>([
    ['"host"', [['Host', 'www.example.com']], 'www.example.com'],
    [
      '"cache-control"',
      [
        ['Cache-Control', 'max-age=60'],
        ['Cache-Control', '   must-revalidate'],
      ],
      'max-age=60, must-revalidate',
    ],
    ['"x-empty-header"', [['X-Empty-Header', '']], ''],
    ['"priority";sf', [['Priority', ' u=1,   i;b=2 ']], 'u=1, i;b=2'],
    ['"example-dict";key="a"', [['Example-Dict', '  a=1, b=2;x=1;y=2, c=(a   b    c), d']], '1'],
    ['"example-dict";key="d"', [['Example-Dict', '  a=1, b=2;x=1;y=2, c=(a   b    c), d']], '?1'],
    ['"example-dict";key="b"', [['Example-Dict', '  a=1, b=2;x=1;y=2, c=(a   b    c), d']], '2;x=1;y=2'],
    ['"example-dict";key="c"', [['Example-Dict', '  a=1, b=2;x=1;y=2, c=(a   b    c), d']], '(a b c)'],
    [
      '"example-header";bs',
      [
        ['Example-Header', 'value, with, lots'],
        ['Example-Header', 'of, commas'],
      ],
      ':dmFsdWUsIHdpdGgsIGxvdHM=:, :b2YsIGNvbW1hcw==:',
    ],
  ])('gives %s of %o', (component, fields, expected) => {
    expect(value(component, message(fields))).toBe(expected)
  })

  it.each<[string, string, string]>([
    ['"@target-uri"', '/path?param=value', 'https://www.example.com/path?param=value'],
    ['"@authority"', '/', 'www.example.com'],
    ['"@scheme"', '/', 'https'],
    ['"@request-target"', '/path?param=value', '/path?param=value'],
    ['"@path"', '/path?param=value', '/path'],
    ['"@query"', '/path?param=value&foo=bar&baz=bat%2Dman', '?param=value&foo=bar&baz=bat%2Dman'],
    ['"@query"', '/path?queryString', '?queryString'],
    ['"@query"', '/path?', '?'],
    ['"@query"', '/path', '?'],
    ['"@query-param";name="baz"', '/path?param=value&foo=bar&baz=batman&qux=', 'batman'],
    ['"@query-param";name="qux"', '/path?param=value&foo=bar&baz=batman&qux=', ''],
    [
      '"@query-param";name="var"',
      '/parameters?var=this%20is%20a%20big%0Amultiline%20value',
      'this%20is%20a%20big%0Amultiline%20value',
    ],
    ['"@query-param";name="bar"', '/parameters?bar=with+plus+whitespace', 'with%20plus%20whitespace'],
    ['"@query-param";name="fa%C3%A7ade%22%3A%20"', '/parameters?fa%C3%A7ade%22%3A%20=something', 'something'],
  ])('gives %s of %s', (component, target, expected) => {
    expect(value(component, message([], target))).toBe(expected)
  })

  it.each([
    '"missing"',
    '"Date"',
    '"@status"',
    '"@unknown"',
    '"@method";sf',
    '"@query-param"',
    '"@query-param";name="twice"',
    '"@query-param";name="missing"',
    '"date";tr',
    '"date";req',
    '"date";sf',
    '"date";sf;bs',
    '"date";key=1',
    '"broken";key="a"',
    '"priority";sf',
    '"example-dict";key="z"',
    'token',
    '7',
  ])('gives nothing of %s', (component) => {
    const fields = [
      ['Date', 'now'],
      ['Broken', 'a=('],
      ['Priority', 'u=('],
      ['Example-Dict', 'a=1'],
    ] as const
    expect(() => value(component, message(fields, '/?twice=1&twice=2'))).toThrow(ComponentError)
  })

  it('covers nothing twice, and nothing with a line break', () => {
    const base = (input: string, headers: readonly (readonly [string, string])[]) =>
      signatureBase(parseDictionary(`a=${input}`).get('a') as InnerList, message(headers))
    expect(() => base('("@method" "@method")', [])).toThrow(ComponentError)
    expect(base('("example-dict";key="a" "example-dict";key="b")', [['Example-Dict', 'a=1, b=2']])).toBe(
      '"example-dict";key="a": 1\n"example-dict";key="b": 2\n"@signature-params": ("example-dict";key="a" "example-dict";key="b")',
    )
  })
})
