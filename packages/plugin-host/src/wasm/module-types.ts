/** What a module is made of (core specification, sections 2.3 and 5.3), and how its types are read. */
import type { ByteReader } from './byte-reader.ts'
import { MODULE_LIMITS } from './module-limits.ts'
import { refuse } from './refuse-module.ts'

/** What can be imported and exported. */
export type ExternalKind = 'function' | 'table' | 'memory' | 'global'

/** A type of a value. */
export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128' | 'funcref' | 'externref'

/** What a function takes and gives. */
export interface FunctionSignature {
  readonly parameters: readonly ValueType[]
  readonly results: readonly ValueType[]
}

/** How large a table (in entries) or a memory (in pages of 64 KiB) is at first, and may become. */
export interface SizeLimits {
  readonly initial: number
  /** `undefined` where the module sets no bound. */
  readonly maximum: number | undefined
}

/** A table. */
export interface TableType extends SizeLimits {
  readonly element: 'funcref' | 'externref'
}

/** A global variable. */
export interface GlobalType {
  readonly value: ValueType
  readonly isMutable: boolean
}

/** The type of what is imported or exported: which one depends on the kind. */
export type External =
  | { readonly kind: 'function'; readonly type: FunctionSignature }
  | { readonly kind: 'table'; readonly type: TableType }
  | { readonly kind: 'memory'; readonly type: SizeLimits }
  | { readonly kind: 'global'; readonly type: GlobalType }

const VALUE_TYPES: ReadonlyMap<number, ValueType> = new Map([
  [0x7f, 'i32'],
  [0x7e, 'i64'],
  [0x7d, 'f32'],
  [0x7c, 'f64'],
  [0x7b, 'v128'],
  [0x70, 'funcref'],
  [0x6f, 'externref'],
])

const VALUE_TYPE_BYTES: ReadonlyMap<ValueType, number> = new Map(
  [...VALUE_TYPES].map(([byte, type]): [ValueType, number] => [type, byte]),
)

const KINDS: readonly ExternalKind[] = ['function', 'table', 'memory', 'global']

/** The byte that stands for a type. */
export const byteOf = (type: ValueType): number => VALUE_TYPE_BYTES.get(type)!

export function readValueType(part: ByteReader): ValueType {
  const at = part.at
  const byte = part.u8()
  return VALUE_TYPES.get(byte) ?? refuse(`it uses the type 0x${byte.toString(16)}, which is not taken`, at)
}

export function readReferenceType(part: ByteReader): 'funcref' | 'externref' {
  const at = part.at
  const byte = part.u8()
  if (byte === 0x70) return 'funcref'
  return byte === 0x6f ? 'externref' : refuse('it uses typed references', at)
}

export function readKind(part: ByteReader): ExternalKind {
  const at = part.at
  const byte = part.u8()
  return KINDS[byte] ?? refuse(byte === 4 ? 'it uses exceptions' : `there is nothing of kind ${byte}`, at)
}

export function readSignature(part: ByteReader): FunctionSignature {
  const at = part.at
  if (part.u8() !== 0x60) refuse('it has types other than those of functions (garbage collection)', at)
  return { parameters: readValueTypes(part), results: readValueTypes(part) }
}

export function readTableType(part: ByteReader): TableType {
  const element = readReferenceType(part)
  return { element, ...readSizeLimits(part, 'table') }
}

export function readMemoryType(part: ByteReader): SizeLimits {
  return readSizeLimits(part, 'memory')
}

export function readGlobalType(part: ByteReader): GlobalType {
  const value = readValueType(part)
  const at = part.at
  const flags = part.u8()
  if (flags > 1) refuse('it has a global that is shared between threads', at)
  return { value, isMutable: flags === 1 }
}

function readValueTypes(part: ByteReader): ValueType[] {
  const types: ValueType[] = []
  for (let left = part.count('parameters or results', MODULE_LIMITS.parameters); left > 0; left--)
    types.push(readValueType(part))
  return types
}

/** Limits for one thread and addresses of 32 bits: flags 0 and 1. */
function readSizeLimits(part: ByteReader, what: string): SizeLimits {
  const at = part.at
  const flags = part.u8()
  if (flags > 7) refuse(`its ${what} has the unknown flags ${flags}`, at)
  if ((flags & 2) !== 0) refuse(`its ${what} is shared between threads`, at)
  if ((flags & 4) !== 0) refuse(`its ${what} has addresses of 64 bits`, at)
  const initial = part.u32()
  return { initial, maximum: flags === 1 ? part.u32() : undefined }
}
