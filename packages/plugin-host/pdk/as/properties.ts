/** What is known of an exchange beside its messages. */
import { found, names, values } from './area'
import * as host from './host'
import { expectResult, MISSING } from './results'

/** Something that is known of the exchange, by its name in docs/plugin-abi.md: `client.address`, `route.name`, `env.NAME`, ... */
export function property(name: string): string | null {
  const nameLength = names.putUtf8(name)
  let length = host.get_property(names.at, nameLength, found.at, found.capacity)
  if (length > found.capacity) {
    found.room(length)
    length = host.get_property(names.at, nameLength, found.at, found.capacity)
  }
  return expectResult(length, name) == MISSING ? null : found.utf8(length)
}

export function setProperty(name: string, value: string): void {
  const nameLength = names.putUtf8(name)
  const valueLength = values.putUtf8(value)
  expectResult(host.set_property(names.at, nameLength, values.at, valueLength), name)
}

export function propertyOr(name: string, other: string): string {
  const value = property(name)
  return value === null ? other : value
}
