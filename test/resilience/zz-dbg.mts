import { attemptEnded } from '/work/main/packages/core/src/index.ts'
import { failover, KILLED } from '/work/main/test/resilience/failover.ts'
let n=0
const t0=performance.now()
attemptEnded.subscribe((a: any) => { if (a.error && n++<40) console.log((performance.now()-t0).toFixed(0), a.target.key, a.reused, a.error.code, String(a.error.cause), (a.endedAt-a.startedAt).toFixed(1)) })
const r = await failover({ fault: KILLED, perSecond: 500, phaseMs: 400, slowStartMs: 1000, tolerance: 0.1 })
console.log(r)
