/**
 * Puts each client into a bucket of an experiment, and keeps it there with a cookie. The upstream sees the bucket in a header.
 */
import {
  CONTINUE,
  Json,
  config,
  log,
  metrics,
  random,
  reply,
  request,
  setState,
  state,
} from '@sluice/plugin-host/pdk/as'

let cookie: string = ''
let header: string = ''
let attributes: string = ''
let names: Array<string> = []
/** Where the share of each bucket ends, out of 1. */
let ends: Array<f64> = []
/** Names of metrics, made once. */
let counters: Array<string> = []

export function on_init(): i32 {
  const options = config()
  cookie = options.get('cookie').text()
  header = options.get('header').text()
  attributes = '; Path=/; HttpOnly; SameSite=Lax; Max-Age=' + options.get('maxAgeSeconds').integer().toString()
  const buckets = options.get('buckets')
  let total: f64 = 0
  for (let i = 0; i < buckets.length; i++) total += weightOf(buckets.at(i))
  if (!(total > 0)) {
    log.error('no bucket has a weight')
    return 1
  }
  let sum: f64 = 0
  for (let i = 0; i < buckets.length; i++) {
    const name = buckets.at(i).get('name').text()
    sum += weightOf(buckets.at(i))
    names.push(name)
    ends.push(sum / total)
    counters.push('assigned.' + name)
  }
  return CONTINUE
}

export function on_request_head(): i32 {
  const kept = request.cookie(cookie)
  // A bucket that is not (or no longer) there is as good as none.
  let bucket = kept === null ? -1 : names.indexOf(kept)
  if (bucket < 0) {
    bucket = pick(random())
    setState(names[bucket])
    metrics.count(counters[bucket])
  }
  request.set(header, names[bucket])
  return CONTINUE
}

export function on_response_head(): i32 {
  const assigned = state()
  if (assigned !== null) reply.add('set-cookie', cookie + '=' + assigned + attributes)
  return CONTINUE
}

function pick(dice: f64): i32 {
  for (let i = 0; i < ends.length; i++) if (dice < ends[i]) return i
  // Where the sum came out a hair below 1.
  return ends.length - 1
}

function weightOf(bucket: Json): f64 {
  return bucket.get('weight').number(1)
}
