/**
 * Dates of HTTP in their three forms (RFC 9110, section 5.6.7). Strict, as RFC 9111 (section 4.2) wants it of caches: another zone
 * than GMT, two digits of a year, or a missing comma make no date. Case does not matter.
 */

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const TIME = '(\\d\\d):(\\d\\d):(\\d\\d)'
const DAY = '(?:mon|tue|wed|thu|fri|sat|sun)'
const LONG_DAY = '(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday)'
const MONTH = `(${MONTHS.join('|')})`
/** `Sun, 06 Nov 1994 08:49:37 GMT` */
const IMF_FIXDATE = new RegExp(`^${DAY}, (\\d\\d) ${MONTH} (\\d{4}) ${TIME} gmt$`, 'i')
/** `Sunday, 06-Nov-94 08:49:37 GMT` */
const RFC_850 = new RegExp(`^${LONG_DAY}, (\\d\\d)-${MONTH}-(\\d\\d) ${TIME} gmt$`, 'i')
/** `Sun Nov  6 08:49:37 1994` */
const ASCTIME = new RegExp(`^${DAY} ${MONTH} ([ \\d]\\d) ${TIME} (\\d{4})$`, 'i')
const CENTURY = 100
const HALF_CENTURY = 50

/**
 * Milliseconds since the Unix epoch, or `undefined` where it is no date. `now` decides on the century of a year of two digits:
 * what would be more than 50 years ahead is past. Never throws.
 */
export function parseHttpDate(text: string, now: number): number | undefined {
  const fixdate = IMF_FIXDATE.exec(text)
  if (fixdate !== null)
    return instant(Number(fixdate[3]), fixdate[2]!, fixdate[1]!, fixdate[4]!, fixdate[5]!, fixdate[6]!)
  const rfc850 = RFC_850.exec(text)
  if (rfc850 !== null)
    return instant(fullYear(Number(rfc850[3]), now), rfc850[2]!, rfc850[1]!, rfc850[4]!, rfc850[5]!, rfc850[6]!)
  const asctime = ASCTIME.exec(text)
  if (asctime === null) return undefined
  return instant(Number(asctime[6]), asctime[1]!, asctime[2]!, asctime[3]!, asctime[4]!, asctime[5]!)
}

/** As it stands in `Date`. */
export function formatHttpDate(time: number): string {
  return new Date(time).toUTCString()
}

function instant(year: number, month: string, day: string, hour: string, minute: string, second: string) {
  const monthIndex = MONTHS.indexOf(month.toLowerCase())
  const [d, h, m, s] = [Number(day), Number(hour), Number(minute), Number(second)]
  // 60 is a leap second.
  if (h > 23 || m > 59 || s > 60 || d < 1 || d > daysIn(year, monthIndex)) return undefined
  const date = new Date(0)
  date.setUTCFullYear(year, monthIndex, d)
  return date.setUTCHours(h, m, s)
}

function daysIn(year: number, monthIndex: number): number {
  if (monthIndex !== 1) return [3, 5, 8, 10].includes(monthIndex) ? 30 : 31
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
}

function fullYear(year: number, now: number): number {
  const current = new Date(now).getUTCFullYear()
  const inCentury = current - (current % CENTURY) + year
  return inCentury > current + HALF_CENTURY ? inCentury - CENTURY : inCentury
}
