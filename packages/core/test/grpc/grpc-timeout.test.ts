import { describe, expect, it } from 'vitest'
import { formatGrpcTimeout, parseGrpcTimeout } from '../../src/index.ts'

describe('grpc-timeout', () => {
  it.each([
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['3S', 3_000],
    ['250m', 250],
    ['5u', 0.005],
    ['0n', 0],
    ['99999999S', 99_999_999_000],
  ])('%s is %d ms', (text, timeoutMs) => {
    expect(parseGrpcTimeout(text)).toBeCloseTo(timeoutMs, 9)
  })

  it.each(['', '5', 'S', '-1S', '1.5S', '100000000S', '5s', ' 5S', '5S '])('%j is none', (text) => {
    expect(parseGrpcTimeout(text)).toBeUndefined()
  })

  it.each([
    [250.9, '250m'],
    [0, '1m'],
    [-5, '1m'],
    [99_999_999, '99999999m'],
    [100_000_000, '100000S'],
    [1e15, '99999999S'],
  ])('%d ms is %s', (timeoutMs, text) => {
    expect(formatGrpcTimeout(timeoutMs)).toBe(text)
  })
})
