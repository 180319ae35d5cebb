/** Rows of a table: a requirement with its section, and the requests that show whether it is kept. */
import type { Answer } from '@sluice/testing'
import { expect } from 'vitest'
import { setUp, type SetUpOptions } from '../set-up.ts'

type Fields = Readonly<Record<string, string | number | readonly string[]>>

/** One request, and what must become of it. Numbers in `Date`, `Expires`, `Last-Modified` are seconds from now. */
export interface Step {
  /** Seconds that pass before it. */
  readonly after?: number
  readonly method?: string
  readonly path?: string
  readonly host?: string
  readonly send?: Fields
  readonly content?: string
  /** The upstream's answer, should it be asked. */
  readonly answer?: Fields
  readonly answerStatus?: number
  readonly answerBody?: string
  readonly fails?: boolean
  /** Answered from the store; asked of the upstream; asked whether it has changed, which it has not. */
  readonly is: 'hit' | 'miss' | 'confirmed'
  readonly status?: number
  readonly text?: string
  /** Fields of the reply; `undefined` for one that must not be there. */
  readonly has?: Readonly<Record<string, string | RegExp | undefined>>
  /** Fields of the request that the upstream saw. */
  readonly asked?: Readonly<Record<string, string | undefined>>
}

export interface Row {
  readonly section: string
  readonly must: string
  readonly options?: SetUpOptions
  readonly steps: readonly Step[]
}

export const row = (section: string, must: string, steps: readonly Step[], options: SetUpOptions = {}): Row => ({
  section,
  must,
  steps,
  options,
})

const DATES = new Set(['date', 'expires', 'last-modified', 'if-modified-since', 'if-unmodified-since', 'if-range'])

export async function play({ steps, options }: Row): Promise<void> {
  const { send, wait, fake, answer, date, errors } = setUp({}, options)
  const fieldsOf = (fields: Fields): [string, string][] =>
    Object.entries(fields).flatMap(([name, value]) =>
      (Array.isArray(value) ? (value as string[]) : [value as string | number]).map((each): [string, string] => [
        name,
        typeof each === 'number' && DATES.has(name.toLowerCase()) ? date(each) : String(each),
      ]),
    )
  for (const [index, step] of steps.entries()) {
    if (step.after !== undefined) await wait(step.after)
    const before = fake.requests.length
    const body = step.answerBody ?? `reply ${index + 1}`
    const headers = fieldsOf(step.answer ?? {})
    const status = step.answerStatus ?? 200
    answer((request): Answer => {
      if (step.fails === true) return { reset: true }
      const isConditional =
        request.header('if-none-match') !== undefined || request.header('if-modified-since') !== undefined
      return step.is === 'confirmed' && isConditional
        ? { status: 304, headers }
        : { status, headers, body: status === 204 ? '' : body }
    })
    const reply = await send({
      method: step.method ?? 'GET',
      path: step.path ?? '/',
      headers: [['Host', step.host ?? 'a.test'], ...fieldsOf(step.send ?? {})],
      ...(step.content === undefined ? {} : { body: step.content }),
    })
    const at = `request ${index + 1}`
    const asked = fake.requests.slice(before)
    expect(asked.length, `${at}: requests upstream`).toBe(step.is === 'hit' ? 0 : asked.length > 1 ? asked.length : 1)
    if (step.is === 'confirmed')
      expect(
        asked[0]!.header('if-none-match') ?? asked[0]!.header('if-modified-since'),
        `${at} is conditional`,
      ).toBeDefined()
    if (step.status !== undefined) expect(reply.status, `${at}: status`).toBe(step.status)
    if (step.text !== undefined) expect(reply.text, `${at}: body`).toBe(step.text)
    for (const [name, value] of Object.entries(step.has ?? {})) {
      if (value instanceof RegExp) expect(reply.header(name), `${at}: ${name}`).toMatch(value)
      else expect(reply.header(name), `${at}: ${name}`).toBe(value)
    }
    for (const [name, value] of Object.entries(step.asked ?? {}))
      expect(asked.at(-1)?.header(name), `${at}: ${name} upstream`).toBe(value)
  }
  expect(errors).toEqual([])
}
