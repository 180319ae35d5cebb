/** Makes a failing input smaller, as delta debugging does (Zeller and Hildebrandt, 2002). */

/** The shortest text found for which `fails` still says so. It is asked at most `budget` times. */
export async function minimise(
  text: string,
  fails: (text: string) => Promise<boolean>,
  budget = 2_000,
): Promise<string> {
  let smallest = text
  let asked = 0
  for (let size = Math.ceil(text.length / 2); size >= 1; size = Math.floor(size / 2)) {
    let hasShrunk = true
    while (hasShrunk) {
      hasShrunk = false
      for (let at = 0; at < smallest.length;) {
        if (asked++ >= budget) return smallest
        const shorter = smallest.slice(0, at) + smallest.slice(at + size)
        if (await fails(shorter)) {
          smallest = shorter
          hasShrunk = true
        } else at += size
      }
    }
  }
  return smallest
}
