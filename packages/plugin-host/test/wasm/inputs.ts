/** What guests are fed: JSON, nearly JSON, words and plain bytes. */
import { seededRandom } from '@sluice/testing'

/** A number below `below`. */
export type Dice = (below: number) => number

export const dice = (seed: number): Dice => {
  const random = seededRandom(seed)
  return (below) => Math.floor(random() * below)
}

/** Some of each kind, the same for a seed. */
export function inputs(seed: number, count: number): Uint8Array[] {
  const roll = dice(seed)
  return Array.from({ length: count }, (_, index) => {
    const kind = index % 4
    if (kind === 0) return Buffer.from(JSON.stringify(json(roll, 4), undefined, roll(3)))
    if (kind === 1) return damaged(Buffer.from(JSON.stringify(json(roll, 3))), roll)
    if (kind === 2) return Buffer.from(words(roll, roll(60)))
    return Uint8Array.from({ length: roll(300) }, () => roll(256))
  })
}

function json(roll: Dice, depth: number): unknown {
  const kind = roll(depth > 0 ? 8 : 5)
  if (kind === 0) return roll(2) === 0
  if (kind === 1) return null
  if (kind === 2) return roll(1_000_000) - 500_000
  if (kind === 3) return (roll(1_000_000) - 500_000) / 2 ** roll(30)
  if (kind === 4) return words(roll, roll(6))
  if (kind < 7) return Array.from({ length: roll(6) }, () => json(roll, depth - 1))
  return Object.fromEntries(Array.from({ length: roll(6) }, () => [words(roll, 1), json(roll, depth - 1)]))
}

function words(roll: Dice, count: number): string {
  const all = [
    'alpha',
    'beta',
    '"quoted"',
    'back\\slash',
    '42',
    '-1.5e3',
    'Ünïcödé',
    '\n',
    '日本語',
    '\u0001',
    '0x10',
    '',
  ]
  return Array.from({ length: count }, () => all[roll(all.length)]).join(' ')
}

function damaged(bytes: Buffer, roll: Dice): Uint8Array {
  if (bytes.length > 0) bytes[roll(bytes.length)] = roll(256)
  return bytes.subarray(0, bytes.length - (roll(4) === 0 ? roll(bytes.length) : 0))
}
