/**
 * What functions of the options give, which may be a promise of any make. One that is not the platform's own must not be taken for an answer: as an
 * object it would be as good as "yes".
 */

/** The value itself, or a promise of the platform's own. */
export function maybePromise<T>(value: T | PromiseLike<T>): T | Promise<T> {
  return value instanceof Promise || !isThenable(value) ? value : Promise.resolve(value)
}

function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
