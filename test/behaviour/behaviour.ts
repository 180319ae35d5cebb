/** The whole table. */
import type { BehaviourGroup } from './behaviour-case.ts'
import { ambiguousPaths } from './cases/ambiguous-paths.ts'
import { failures } from './cases/failures.ts'
import { forwarding } from './cases/forwarding.ts'
import { hopByHop } from './cases/hop-by-hop.ts'
import { limits } from './cases/limits.ts'
import { methodsAndBodies } from './cases/methods-and-bodies.ts'
import { middlewares } from './cases/middlewares.ts'
import { paths } from './cases/paths.ts'
import { replies } from './cases/replies.ts'
import { replyBodies } from './cases/reply-bodies.ts'
import { routing } from './cases/routing.ts'
import { semantics } from './cases/semantics.ts'

export const BEHAVIOUR: readonly BehaviourGroup[] = [
  ...methodsAndBodies,
  ...paths,
  ...ambiguousPaths,
  ...routing,
  ...hopByHop,
  ...forwarding,
  ...replies,
  ...replyBodies,
  ...semantics,
  ...failures,
  ...limits,
  ...middlewares,
]
