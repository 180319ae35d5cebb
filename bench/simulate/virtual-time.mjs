/**
 * Time that passes only from event to event, so that an hour takes as long as what happens in it. A binary heap in place
 * of timers: millions of events, each some hundred nanoseconds. It is the `Clock` of what is simulated.
 */

export class VirtualTime {
  #now = 0
  #size = 0
  /** By place in the heap: when, in which order where that is equal, and what. */
  #times = new Float64Array(1024)
  #turns = new Float64Array(1024)
  #events = []
  #turn = 0

  now() {
    return this.#now
  }

  wallTime() {
    return this.#now
  }

  schedule(delayMs, callback) {
    const call = new ScheduledCall(callback)
    this.add(this.#now + Math.max(0, delayMs), call)
    return call
  }

  /** Calls `event.due()` at that time. */
  add(at, event) {
    if (this.#size === this.#times.length) {
      this.#times = grown(this.#times)
      this.#turns = grown(this.#turns)
    }
    this.#rise(this.#size++, at, this.#turn++, event)
  }

  /** When the next event is due; Infinity where there is none. */
  get next() {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : this.#times[0]
  }

  /** Lets the time pass to the next event, and that happen. */
  step() {
    const event = this.#events[0]
    this.#now = this.#times[0]
    const last = --this.#size
    const moved = this.#events.pop()
    if (last > 0) this.#sink(this.#times[last], this.#turns[last], moved)
    event.due()
  }

  /** Lets the time pass to `at`, before which nothing may be due. */
  passTo(at) {
    this.#now = at
  }

  #rise(from, at, turn, event) {
    const times = this.#times
    let place = from
    while (place > 0) {
      const parent = (place - 1) >> 1
      // What is added is always the last of its time.
      if (times[parent] <= at) break
      this.#put(place, times[parent], this.#turns[parent], this.#events[parent])
      place = parent
    }
    this.#put(place, at, turn, event)
  }

  #sink(at, turn, event) {
    const times = this.#times
    let place = 0
    for (;;) {
      let child = 2 * place + 1
      if (child >= this.#size) break
      if (child + 1 < this.#size && this.#isBefore(child + 1, times[child], this.#turns[child])) child++
      if (!this.#isBefore(child, at, turn)) break
      this.#put(place, times[child], this.#turns[child], this.#events[child])
      place = child
    }
    this.#put(place, at, turn, event)
  }

  #isBefore(place, at, turn) {
    const time = this.#times[place]
    return time < at || (time === at && this.#turns[place] < turn)
  }

  #put(place, at, turn, event) {
    this.#times[place] = at
    this.#turns[place] = turn
    this.#events[place] = event
  }
}

class ScheduledCall {
  #callback

  constructor(callback) {
    this.#callback = callback
  }

  cancel() {
    this.#callback = undefined
  }

  due() {
    const callback = this.#callback
    this.#callback = undefined
    callback?.()
  }
}

function grown(array) {
  const larger = new Float64Array(2 * array.length)
  larger.set(array)
  return larger
}
