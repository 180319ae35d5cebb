/**
 * Loads Extism's SDK, at the first use. It loads Node's WASI on its way, whether or not anybody wants it, and Node then warns
 * that WASI is experimental: on the standard error of every program that has a plugin, though this package never runs WASI.
 * So that one warning is left out while the SDK loads, which it does in one synchronous step.
 */
import { createRequire } from 'node:module'
import type * as Extism from '@extism/extism'

let loaded: typeof Extism | undefined

/** The SDK. */
export function extism(): typeof Extism {
  return (loaded ??= withoutWasiWarning(() => createRequire(import.meta.url)('@extism/extism') as typeof Extism))
}

function withoutWasiWarning<T>(load: () => T): T {
  const own = Object.getOwnPropertyDescriptor(process, 'emitWarning')!
  const { value: emit } = own as { value: (...args: readonly unknown[]) => void }
  const withoutWasi = (...args: readonly unknown[]): void => {
    if (!String(args[0]).startsWith('WASI ')) Reflect.apply(emit, process, args)
  }
  process.emitWarning = withoutWasi
  try {
    return load()
  } finally {
    Object.defineProperty(process, 'emitWarning', own)
  }
}
