/**
 * Typed keys for what one middleware adds to an exchange and a later one needs. The type of an exchange says which slots
 * are set, so the compiler refuses a chain in which a need comes before its provider.
 */

/** A key; made by {@link defineSlot}. `Name` tells slots apart in types, `index` at run time. */
export interface Slot<Name extends string = string, T = unknown> {
  readonly name: Name
  /** @internal Where the value stands in an exchange. */
  readonly index: number
  /** @internal Only a type: what the slot holds. */
  readonly holds?: T
}

/** The part of an exchange's state that says that a slot is set: `Middleware<Has<typeof identity>>` needs `identity`. */
export type Has<S extends Slot> = S extends Slot<infer Name, infer T> ? { readonly [N in Name]: T } : never

const indexes = new Map<string, number>()

/**
 * Defines a slot. Two calls because TypeScript infers all type parameters or none:
 *
 *     export const identity = defineSlot<Identity>()('auth.identity')
 *
 * A name stands for one slot in the whole process: defining it again gives the same one.
 */
export function defineSlot<T>(): <const Name extends string>(name: Name) => Slot<Name, T> {
  return (name) => {
    const index = indexes.get(name) ?? indexes.size
    indexes.set(name, index)
    return Object.freeze({ name, index })
  }
}
