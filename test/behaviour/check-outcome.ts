/** Compares what was seen with what a case expects. */
import type { RecordedRequest } from '@sluice/testing'
import { expect } from 'vitest'
import type {
  Arrival,
  BehaviourCase,
  Expected,
  ExpectedRequest,
  FieldCheck,
  FieldChecks,
  Site,
} from './behaviour-case.ts'
import { type Entry, type Field, NOT_FOUND, type Observed, PLAIN } from './entry.ts'

/** The client's side. */
export function checkReply(observed: Observed, { expected }: BehaviourCase, entry: Entry, site: Site): void {
  const text = observed.body.toString('latin1')
  expect([expected.status].flat(), `status; the body is: ${text.slice(0, 300)}`).toContain(observed.status)
  checkFields(observed.headers, expected.headers ?? {}, site, entry.arrival)
  if (expected.body !== undefined) expectBytes(observed.body, expected.body)
  for (const pattern of expected.bodyOmits ?? []) expect(text).not.toMatch(pattern)
  if (expected.trailers !== undefined && observed.trailers !== undefined) {
    checkFields(observed.trailers, expected.trailers, site)
  }
  checkCode(observed, expected, entry)
}

function checkCode(observed: Observed, expected: Expected, entry: Entry): void {
  if (expected.isUnmatched === true && entry.isMounted) {
    expect(observed.body.toString()).toBe(NOT_FOUND)
    return
  }
  const code = expected.isUnmatched === true ? 'ERR_SLUICE_NO_ROUTE' : expected.code
  if (code === undefined) return
  expect(valuesOf(observed.headers, 'content-type')).toEqual(['application/problem+json'])
  expect(JSON.parse(observed.body.toString())).toMatchObject({ code, status: observed.status })
}

/** The upstream's side. */
export function checkRequests(
  recorded: readonly RecordedRequest[],
  expected: readonly ExpectedRequest[] | 'any',
  site: Site,
  arrival: Arrival = PLAIN,
): void {
  if (expected === 'any') return
  expect(recorded.map(({ method, path }) => `${method} ${path}`)).toHaveLength(expected.length)
  expected.forEach(({ method, path, headers = {}, body }, index) => {
    const request = recorded[index]!
    expect(request.complete).toBe(true)
    expectOneFraming(request, site)
    if (method !== undefined) expect(request.method).toBe(method)
    if (path !== undefined) expect(request.path).toBe(path)
    if (body !== undefined) expectBytes(request.body, body)
    checkFields(request.headers, headers, site, arrival)
  })
}

/** A body is framed in one way and no other: by its length, or in chunks; HTTP/2 needs neither. */
function expectOneFraming({ headers, body }: RecordedRequest, { targetVersion }: Site): void {
  const lengths = valuesOf(headers, 'content-length')
  const codings = valuesOf(headers, 'transfer-encoding')
  if (targetVersion === '2.0') {
    expect(codings).toEqual([])
    if (lengths.length > 0) expect(lengths).toEqual([String(body.byteLength)])
  } else if (body.byteLength > 0)
    expect([...lengths, ...codings]).toEqual([codings.length > 0 ? 'chunked' : String(body.byteLength)])
  else expect(lengths.length + codings.length).toBeLessThanOrEqual(1)
}

/** Fields by name. */
export function checkFields(fields: readonly Field[], checks: FieldChecks, site: Site, arrival: Arrival = PLAIN): void {
  for (const [name, check] of Object.entries(checks)) {
    checkField(name, valuesOf(fields, name), typeof check === 'function' ? check(site, arrival) : check)
  }
}

function checkField(name: string, values: readonly string[], check: FieldCheck): void {
  const joined = values.join(', ')
  if (check === null) expect(values, name).toEqual([])
  else if (typeof check === 'string') expect(values.length === 0 ? undefined : joined, name).toBe(check)
  else if (check instanceof RegExp) expect(joined, name).toMatch(check)
  else if ('not' in check) expect(joined, name).not.toMatch(check.not)
  else expect(values, name).toEqual(check)
}

function valuesOf(fields: readonly Field[], name: string): string[] {
  return fields.filter(([each]) => each.toLowerCase() === name.toLowerCase()).map(([, value]) => value)
}

/** Without a difference of a megabyte in the report. */
function expectBytes(actual: Buffer, expected: string | Uint8Array): void {
  const bytes = Buffer.from(expected)
  if (bytes.byteLength <= 1_024 && actual.byteLength <= 1_024)
    expect(actual.toString('latin1')).toBe(bytes.toString('latin1'))
  else
    expect({ length: actual.byteLength, isSame: actual.equals(bytes) }).toEqual({
      length: bytes.byteLength,
      isSame: true,
    })
}
