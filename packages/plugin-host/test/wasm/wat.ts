/** Modules written as text. */
import loadWabt from 'wabt'

const wabt = await loadWabt()

const FEATURES = {
  mutable_globals: true,
  sat_float_to_int: true,
  sign_extension: true,
  simd: true,
  multi_value: true,
  tail_call: true,
  bulk_memory: true,
  reference_types: true,
}

/** The features that a test may ask for beside those that are taken. */
export type Proposal =
  | 'exceptions'
  | 'threads'
  | 'memory64'
  | 'multi_memory'
  | 'gc'
  | 'function_references'
  | 'extended_const'
  | 'relaxed_simd'

/** A module's bytes. */
export function wat(text: string, ...proposals: readonly Proposal[]): Uint8Array<ArrayBuffer> {
  const features = { ...FEATURES, ...Object.fromEntries(proposals.map((name) => [name, true])) }
  const module = wabt.parseWat('module.wat', text, features)
  try {
    return new Uint8Array(module.toBinary({ write_debug_names: true }).buffer)
  } finally {
    module.destroy()
  }
}
