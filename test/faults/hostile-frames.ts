/** A connection of HTTP/2 as nobody in his right mind would begin it: frames of every kind, in any order, on any stream. */
import type { Random } from '@sluice/core'
import {
  ERROR,
  FLAG,
  frame,
  get,
  indexed,
  literal,
  post,
  PREFACE,
  reset,
  SETTING,
  settings,
  TYPE,
  uint32,
  windowUpdate,
} from '../floods/frames.ts'

const MAX_FRAMES = 12
const STREAMS = [1, 1, 1, 3, 3, 5, 0, 2, 4_294_967_295]
const SIZES = [0, 1, 4, 8, 100, 16_384]
const NUMBERS = [0, 1, 100, 65_536, 2 ** 31 - 1, 2 ** 32 - 1]

export function hostileFrames(path: string, pick: <T>(list: readonly T[]) => T, random: Random): Buffer {
  const stream = (): number => pick(STREAMS)
  const bytes = (): Buffer => Buffer.from(Array.from({ length: pick(SIZES) }, () => random() * 256))
  const tunnel = Buffer.concat(
    [
      [':method', 'CONNECT'],
      [':protocol', pick(['websocket', 'other', ''])],
      [':scheme', 'http'],
      [':path', path],
      [':authority', 'a'],
      ['sec-websocket-version', '13'],
    ].map(([name, value]) => literal(name!, value!)),
  )
  const frames: readonly (() => Buffer)[] = [
    () => get(stream(), path),
    () => get(stream(), path),
    () =>
      get(stream(), path, literal(pick(['X-Upper', 'connection', 'te', 'transfer-encoding', ':late', 'host']), 'a')),
    () => get(stream(), path, indexed(pick([0, 61, 62, 1_000_000]))),
    () => post(stream(), path),
    () => frame(TYPE.headers, FLAG.endHeaders, stream(), tunnel),
    () => frame(TYPE.headers, pick([0, 1, 4, 5, 0xff]), stream(), bytes()),
    () => frame(TYPE.data, pick([0, FLAG.endStream, 8, 0xff]), stream(), bytes()),
    () => frame(TYPE.continuation, pick([0, FLAG.endHeaders]), stream(), bytes()),
    () => reset(stream(), pick(Object.values(ERROR))),
    () => windowUpdate(stream(), pick(NUMBERS)),
    () => settings([[pick([SETTING.headerTableSize, SETTING.initialWindowSize, 2, 3, 5, 6, 8, 99]), pick(NUMBERS)]]),
    () => frame(TYPE.settings, pick([0, FLAG.ack]), stream(), bytes()),
    () => frame(TYPE.ping, pick([0, FLAG.ack]), 0, Buffer.alloc(8)),
    () => frame(TYPE.goAway, 0, 0, Buffer.concat([uint32(pick(NUMBERS)), uint32(pick(Object.values(ERROR)))])),
    () => frame(Math.floor(random() * 12), Math.floor(random() * 256), stream(), bytes()),
  ]
  const count = Math.floor(random() * MAX_FRAMES)
  return Buffer.concat([PREFACE, settings(), ...Array.from({ length: count }, () => pick(frames)())])
}
