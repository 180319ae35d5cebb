/** `pnpm echo`: every client through every way in and every transport, the largest messages included; exits with 1 where one fails. */
import { ECHO_CLIENTS } from './echo-clients.ts'
import { AS_THEY_ARE, echoEverySize, echoManyAtOnce, echoSite, LARGEST, TAKEN_APART, WAYS_OUT } from './echo.ts'
import { WAYS_IN } from './ways-in.ts'

const MODES = [
  { mode: 'as they are', options: AS_THEY_ARE },
  { mode: 'taken apart', options: TAKEN_APART },
]
const CASES = MODES.flatMap((mode) =>
  WAYS_IN.flatMap((wayIn) => WAYS_OUT.map((wayOut) => ({ ...mode, wayIn, wayOut }))),
)

for (const { wayIn, wayOut, mode, options } of CASES) {
  const site = await echoSite(wayIn, wayOut, options)
  const start = performance.now()
  try {
    for (const kind of ECHO_CLIENTS) await echoEverySize(site, kind, LARGEST)
    await echoManyAtOnce(site, CASES.length)
    say('ok  ')
  } catch (error) {
    say('FAIL')
    console.log(error)
    process.exitCode = 1
  } finally {
    await site.close()
  }
  function say(outcome: string): void {
    const seconds = ((performance.now() - start) / 1_000).toFixed(1)
    console.log(`${outcome} ${wayIn.name}, ${wayOut.name} transport, ${mode} (${seconds} s)`)
  }
}
