/** Loads a plugin that wants a thread where there is none to be had, and says what comes of it. */
import { createPluginHost } from '@sluice/plugin-host'

const bytes = Buffer.from(
  'AGFzbQEAAAABBQFgAAF/AwIBAAUDAQABBxwCBm1lbW9yeQIAD29uX3JlcXVlc3RfaGVhZAAACgYBBABBAws=',
  'base64',
)
const host = createPluginHost()
const loading = host.load({ name: 'alone', abi: 'sluice:v1', source: { bytes }, isolation: 'worker' })
const { code, message } = await loading.catch((error: unknown) => error as Error & { readonly code: string })
console.log(JSON.stringify({ code, message, plugins: host.snapshot().length }))
