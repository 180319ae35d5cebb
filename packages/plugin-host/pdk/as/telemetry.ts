/** Log lines, metrics, clocks and dice. */
import { names, values } from './area'
import * as host from './host'
import { expectResult, LIMIT } from './results'

/** Use it as `log`: `log.warn('no such bucket')`. */
export class Log {
  debug(text: string): void {
    this.write(1, text)
  }

  info(text: string): void {
    this.write(2, text)
  }

  warn(text: string): void {
    this.write(3, text)
  }

  /** From `on_init`, before a result that is not 0: why the configuration is refused. */
  error(text: string): void {
    this.write(4, text)
  }

  private write(level: i32, text: string): void {
    const length = values.putUtf8(text)
    host.log(level, values.at, length)
  }
}

/** The one there is. */
export const log: Log = new Log()

/** Use it as `metrics`. Names are of `[a-z0-9_.]`. */
export class Metrics {
  /** Adds to a counter. */
  count(name: string, value: f64 = 1): void {
    this.write(0, name, value)
  }

  /** Sets a gauge. */
  gauge(name: string, value: f64): void {
    this.write(1, name, value)
  }

  /** Adds to a histogram. */
  observe(name: string, value: f64): void {
    this.write(2, name, value)
  }

  private write(kind: i32, name: string, value: f64): void {
    const length = names.putLatin1(name)
    const result = host.metric(kind, names.at, length, value)
    // A name too many is dropped: that is no reason to fail an exchange.
    if (result != LIMIT) expectResult(result, name)
  }
}

/** The one there is. */
export const metrics: Metrics = new Metrics()

/** Milliseconds since 1970. */
export function nowMs(): f64 {
  return host.now_ms()
}

/** Milliseconds since some time, never less than before: for differences. */
export function monotonicMs(): f64 {
  return host.monotonic_ms()
}

/** A number from 0 up to, but without, 1. For picking, not for keys. */
export function random(): f64 {
  values.room(8)
  host.random(values.at, 8)
  // The 53 bits that a float holds.
  return <f64>(load<u64>(values.at) >> 11) / 9007199254740992.0
}

/** That many random bytes. */
export function randomBytes(length: i32): Uint8Array {
  const bytes = new Uint8Array(length)
  host.random(bytes.dataStart, length)
  return bytes
}
