/** The `Connection` field (RFC 9110, section 7.6.1). */

/** Whether a lower-case list has this option. Most lists have one item, and are compared as a whole. */
export function hasOption(list: string, option: string): boolean {
  if (list === option) return true
  return list.includes(option) && list.split(',').some((each) => each.trim() === option)
}
