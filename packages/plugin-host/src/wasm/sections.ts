/** The sections of a module and their order (core specification, section 5.5.2). */

/** A part of the file. */
export interface Span {
  readonly from: number
  /** Behind its last byte. */
  readonly to: number
}

/** A section: where its content stands. */
export interface Section extends Span {
  readonly id: number
  /** Of a custom section. */
  readonly name: string | undefined
}

/** The numbers of the sections. */
export const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
} as const

/** The count of the data segments is the youngest, and stands before the code. */
const ORDER: readonly number[] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11]

/** The place of a section in their order; -1 for one that is not taken. */
export const placeOf = (id: number): number => ORDER.indexOf(id)
