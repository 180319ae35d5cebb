/** Loads a plugin that wants a thread where there is none to be had, and says what comes of it. */
import { createPluginHost } from '@sluice/plugin-host'

const bytes = Buffer.from(
  'AGFzbQEAAAABBQFgAAF/AwIBAAUDAQABBxwCBm1lbW9yeQIAD29uX3JlcXVlc3RfaGVhZAAACgYBBABBAws=',
  'base64',
)
const host = createPluginHost()
try {
  await host.load({ name: 'alone', abi: 'sluice:v1', source: { bytes }, isolation: 'worker' })
} catch (error) {
  const { code, message } = error as Error & { readonly code: string }
  console.log(JSON.stringify({ code, message, plugins: host.snapshot().length }))
}
