/** A line of a guest's log, whatever interface it speaks. */
import { type Guest, type LogLevel, PRICE } from './guest.ts'

/** Logs as many of the bytes as a call may still log: what is cut off is not even decoded. */
export function logLine(guest: Guest, level: LogLevel, bytes: Buffer): void {
  const { call, services } = guest
  guest.spend(PRICE.line)
  const kept = call.spendLog(bytes.length)
  guest.charge(kept)
  if (kept === 0 && bytes.length !== 0) return
  const message = bytes.toString('utf8', 0, kept)
  if (level === 'error') call.complaint = message
  services.log(level, message, guest)
}
