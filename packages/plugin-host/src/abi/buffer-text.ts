/**
 * The methods that `toString` and `write` of a Buffer end in: called by themselves they spare the look-up of the encoding and the
 * checks, a third of what a short text costs. The range must have been checked.
 */

interface DirectBuffer {
  latin1Slice(from: number, to: number): string
  utf8Slice(from: number, to: number): string
  latin1Write(text: string, at: number, length: number): number
  utf8Write(text: string, at: number, length: number): number
}

export function latin1Slice(bytes: Buffer, from: number, to: number): string {
  return (bytes as unknown as DirectBuffer).latin1Slice(from, to)
}

export function utf8Slice(bytes: Buffer, from: number, to: number): string {
  return (bytes as unknown as DirectBuffer).utf8Slice(from, to)
}

export function latin1Write(bytes: Buffer, text: string, at: number): void {
  ;(bytes as unknown as DirectBuffer).latin1Write(text, at, text.length)
}

export function utf8Write(bytes: Buffer, text: string, at: number, length: number): void {
  ;(bytes as unknown as DirectBuffer).utf8Write(text, at, length)
}
