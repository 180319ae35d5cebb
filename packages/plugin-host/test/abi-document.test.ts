import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { HOOK_PARAMETERS, HOST_FUNCTIONS } from '../src/abi/sluice-v1.ts'
import { isNeverWritten } from '../src/manifest/capabilities.ts'

const text = readFileSync(new URL('../../../docs/plugin-abi.md', import.meta.url), 'utf8')

/** Rows of the form `name`, `(parameters) -> result`. */
const rows = [...text.matchAll(/^\| `(\w+)` \| `\((.*?)\) -> (\w+)` \|/gm)].map(([, name, parameters, result]) => {
  const types = parameters === '' ? [] : parameters!.split(', ').map((each) => (each.endsWith(': f64') ? 'd' : 'i'))
  return [name, types, result === 'f64' ? 'd' : 'i'] as const
})

it('the document on the interface has every host function, with its type, and no other', () => {
  const documented = rows.filter(([name]) => !name!.startsWith('on_'))
  const types = documented.map(([name, parameters, result]) => [name, { parameters, result }])
  expect(types).toHaveLength(Object.keys(HOST_FUNCTIONS).length)
  const known = Object.entries(HOST_FUNCTIONS).map(([name, { parameters, result }]) => [name, { parameters, result }])
  expect(Object.fromEntries(types)).toEqual(Object.fromEntries(known))
})

it('it has every hook, with the number of its parameters', () => {
  const documented = rows.filter(([name]) => name!.startsWith('on_')).map(([name, types]) => [name, types.length])
  expect(Object.fromEntries(documented)).toEqual(HOOK_PARAMETERS)
})

it('it names the fields that are never written', () => {
  const names = /Never written, whatever is granted \(a fault\): (.*?)\. `host`/s.exec(text)![1]!.match(/[a-z-]+/g)!
  expect(names).toHaveLength(10)
  for (const name of names) expect(isNeverWritten(name), name).toBe(true)
})
