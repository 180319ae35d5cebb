/**
 * Times of the week in which a rule holds, by the clock on the wall of a time zone. What the zone's clock shows is found out
 * once a minute, not for each request: `Intl` takes microseconds for it.
 */
import { ConfigError } from '@sluice/core'
import { strictOption, textOption } from '@sluice/core/options'

/** A day of the week. */
export type Weekday = 'mon' | 'tue' | 'wed' | 'thu' | 'fri' | 'sat' | 'sun'

/** Hours of some days. */
export interface TimeWindow {
  /** On which days it begins. @default all of them */
  readonly days?: readonly Weekday[]
  /** `08:30`. @default '00:00' */
  readonly from?: string
  /** `17:00`, not included; `24:00` is the end of the day. Where it is before `from`, the window ends on the day after. @default '24:00' */
  readonly to?: string
  /** A name of the IANA time zone database, such as `Europe/Berlin`. @default 'UTC' */
  readonly timeZone?: string
}

/** Says whether a moment, in milliseconds since the Unix epoch, is in one of the windows. */
export type TimeTest = (wallTime: number) => boolean

const DAYS: readonly Weekday[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']
const NAMES = ['days', 'from', 'to', 'timeZone']
const DAY = 1_440
const WEEK = 7 * DAY
const MINUTE_MS = 60_000

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` at `at` */
export function compileTimes(windows: TimeWindow | readonly TimeWindow[], at: string): TimeTest {
  const list: readonly TimeWindow[] = Array.isArray(windows) ? windows : [windows]
  if (list.length === 0) throw new ConfigError(at, 'must have at least one window')
  const compiled = list.map((window, index) => compileWindow(window, list === windows ? `${at}[${index}]` : at))
  return (wallTime) => compiled.some((isIn) => isIn(wallTime))
}

function compileWindow(window: TimeWindow, at: string): TimeTest {
  const { days = DAYS, from = '00:00', to = '24:00', timeZone = 'UTC' } = strictOption(window, NAMES, at)
  if (!Array.isArray(days) || days.length === 0) throw new ConfigError(`${at}.days`, 'must be a list of days')
  const start = minuteOf(from, `${at}.from`)
  const end = minuteOf(to, `${at}.to`)
  if (start === end) throw new ConfigError(`${at}.to`, 'must be another time than "from"')
  const length = end > start ? end - start : end + DAY - start
  const starts = (days as readonly Weekday[]).map((day, index) => {
    if (!DAYS.includes(day)) throw new ConfigError(`${at}.days[${index}]`, `must be one of ${DAYS.join(', ')}`)
    return DAYS.indexOf(day) * DAY + start
  })
  const minuteOfWeek = weekClock(textOption(timeZone, `${at}.timeZone`), `${at}.timeZone`)
  return (wallTime) => {
    const now = minuteOfWeek(wallTime)
    return starts.some((each) => (now - each + WEEK) % WEEK < length)
  }
}

function minuteOf(time: string, at: string): number {
  const parts = typeof time === 'string' ? /^(\d{2}):([0-5]\d)$/.exec(time) : null
  const minute = parts === null ? Number.NaN : Number(parts[1]) * 60 + Number(parts[2])
  if (minute <= DAY) return minute
  throw new ConfigError(at, 'must be a time such as "08:30", up to "24:00"')
}

/** Minutes since Monday, 00:00, as the zone's clock shows them. */
function weekClock(timeZone: string, at: string): (wallTime: number) => number {
  const format = formatOf(timeZone, at)
  let minute = Number.NaN
  let shown = 0
  return (wallTime) => {
    const now = Math.floor(wallTime / MINUTE_MS)
    if (now !== minute) {
      minute = now
      shown = read(format, now * MINUTE_MS)
    }
    return shown
  }
}

function formatOf(timeZone: string, at: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    })
  } catch (cause) {
    throw new ConfigError(at, `"${timeZone}" is not a time zone`, { cause })
  }
}

function read(format: Intl.DateTimeFormat, time: number): number {
  const parts = new Map(format.formatToParts(time).map(({ type, value }) => [type, value]))
  const day = DAYS.indexOf(parts.get('weekday')!.toLowerCase() as Weekday)
  return day * DAY + Number(parts.get('hour')) * 60 + Number(parts.get('minute'))
}
