import { createProxy, defineMiddleware, defineSlot, type Has, Reply } from '@sluice/core'
import { expectTypeOf, test } from 'vitest'
import { createPluginHost, plugin } from '../src/index.ts'

const geo = defineSlot<{ readonly country: string }>()('geo')
const needsGeo = defineMiddleware<Has<typeof geo>>('needsGeo', (exchange, next) => {
  expectTypeOf(exchange.get(geo)).toEqualTypeOf<{ readonly country: string }>()
  return next(exchange)
})

test('a plugin with a slot provides it', () => {
  createProxy()
    .use(plugin('geo.yaml', { slot: geo, otherwise: { country: '' } }))
    .use(needsGeo)
    .handle((exchange) => Reply.text(exchange.get(geo).country))
})

test('a plugin without one does not', () => {
  // @ts-expect-error: nothing has set it
  createProxy().use(plugin('geo.yaml')).use(needsGeo)
  // @ts-expect-error: nothing has set it
  createProxy().use(createPluginHost().plugin('geo')).use(needsGeo)
})

test('a slot needs a value for when the plugin sets none, of its type', () => {
  // @ts-expect-error: no value
  plugin('geo.yaml', { slot: geo })
  // @ts-expect-error: of another type
  plugin('geo.yaml', { slot: geo, otherwise: 5 })
  // @ts-expect-error: of another type
  createPluginHost().plugin('geo', { slot: geo, otherwise: { country: '' }, parse: () => 5 })
})
