/** How calls end: with what their thread says came of them, or failed. Whoever hands one in here has taken it from where it waited, so that each ends once. */
import type { PluginError } from '@sluice/core'
import type { FormReader } from '../abi/binary-form.ts'
import { RESPOND, SKIP } from '../abi/sluice-v1.ts'
import { FAULTED, type HookEvents, type Outcome } from '../exchange/hook-runner.ts'
import { faultOf } from '../fault.ts'
import type { PluginServices } from '../host-functions/guest.ts'
import { applyOutcome, readFault, readNumbers } from './outcome-frame.ts'
import { guarded, type PendingCall } from './pending-call.ts'
import type { PluginThread } from './plugin-thread.ts'

export class CallSettlement {
  readonly #services: PluginServices
  readonly #events: HookEvents
  readonly #settled: () => void

  /** `settled` is told of each that has ended. */
  constructor(services: PluginServices, events: HookEvents, settled: () => void) {
    this.#services = services
    this.#events = events
    this.#settled = settled
  }

  /** What a thread says of a call of its own; `form` is behind the kind. */
  outcome(thread: PluginThread, form: FormReader): void {
    const call = thread.calls.get(form.number())
    const outcome = form.number() - 1
    const numbers = readNumbers(form)
    const { fuel, pages } = numbers
    const services = this.#services
    const events = this.#events
    for (let i = thread.numbers.made; i < numbers.made; i++) events.made()
    services.denials += numbers.denials - thread.numbers.denials
    thread.numbers = numbers
    if (call === undefined) return
    thread.calls.delete(call.number)
    if (call.isWaiting) thread.waiting--
    const { owner, subject } = call
    if (outcome === FAULTED) return this.fail(call, readFault(form, services.manifest.name), fuel, pages)
    guarded(call, () => applyOutcome(form, outcome, owner, subject))
    if (call.error !== undefined)
      return this.fail(call, faultOf(call.error, false, services.manifest.name), fuel, pages)
    const action = outcome === RESPOND ? 'respond' : outcome === SKIP ? 'skip' : 'continue'
    events.succeeded()
    events.called(subject.hook, subject.exchange, action, services.clock.now() - call.startedAt, fuel, pages)
    this.#settle(call, outcome)
  }

  fail(call: PendingCall, fault: PluginError, fuel = 0, pages = 0): void {
    const { owner, subject, startedAt } = call
    const events = this.#events
    events.called(subject.hook, subject.exchange, 'fault', this.#services.clock.now() - startedAt, fuel, pages)
    owner.fault = events.faulted(fault, subject.exchange, subject.hook)
    owner.localReply = owner.newBody = undefined
    this.#settle(call, FAULTED)
  }

  #settle(call: PendingCall, outcome: Outcome): void {
    call.release()
    call.resolve(outcome)
    this.#settled()
  }
}
