/**
 * Several listeners may want the upgrades of one `http.Server`: proxies of ours, and others. All of them are called for
 * each, one after the other, and just one may answer. Ours agree here; what none of ours matches is left to the others.
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'

type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

const ours = new WeakSet<UpgradeListener>()
const taken = new WeakSet<IncomingMessage>()

/** Makes a listener known as one of ours. */
export function registerUpgradeListener(listener: UpgradeListener): void {
  ours.add(listener)
}

/** From here on no other listener of ours answers it. */
export function takeUpgrade(request: IncomingMessage): void {
  taken.add(request)
}

export function isUpgradeTaken(request: IncomingMessage): boolean {
  return taken.has(request)
}

/** Whether `listener`, which does not match it, may leave it to another: one that is not ours, or is called later. */
export function isForAnother(request: IncomingMessage, listener: UpgradeListener): boolean {
  const { server } = request.socket as { server?: NodeJS.EventEmitter }
  const all = (server?.listeners('upgrade') ?? []) as UpgradeListener[]
  const index = all.lastIndexOf(listener)
  // Where it was wrapped in another function, that one is among them in its place.
  if (index < 0) return all.length > 1
  return index < all.length - 1 || all.some((each) => !ours.has(each))
}
