/** Who somebody is, by the answer of a service that was asked. */
import { createHmac, randomBytes } from 'node:crypto'
import type { Exchange } from '@sluice/core'
import type { HeaderList } from '@sluice/wire'
import type { ForwardAuthPlan } from './forward-auth-options.ts'
import type { ForwardAuthIdentity } from './forward-auth.ts'

/** Frozen: it may be shared by many exchanges. */
export function identityIn(answer: HeaderList, exchange: Exchange, plan: ForwardAuthPlan): ForwardAuthIdentity {
  const claims: Record<string, string> = Object.create(null)
  for (const field of plan.copyFields) {
    const value = answer.get(field)
    if (value !== undefined) claims[field] = value
  }
  const named = plan.subjectField === undefined ? undefined : answer.get(plan.subjectField)
  return Object.freeze({
    scheme: 'forward-auth',
    subject: named === undefined || named === '' ? digestOf(exchange, plan.requestFields) : named,
    claims: Object.freeze(claims),
    scopes: listIn(answer, plan.scopesField),
    roles: listIn(answer, plan.rolesField),
    raw: undefined,
  })
}

/** Names get into logs and stores: without it, a password could be found out from one. */
const SECRET = randomBytes(32)

/** The same for the same credentials, which it does not tell. */
function digestOf({ request }: Exchange, fields: readonly string[]): string {
  const credentials = JSON.stringify(fields.map((field) => request.headers.getAll(field)))
  return createHmac('sha256', SECRET).update(credentials).digest('base64url')
}

function listIn(answer: HeaderList, field: string | undefined): readonly string[] {
  const value = field === undefined ? undefined : answer.get(field)
  return Object.freeze(value === undefined ? [] : value.split(/[,\s]+/).filter((each) => each !== ''))
}
