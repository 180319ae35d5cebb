/** All functions of the module `sluice`, for one instance. */
import type { HostFunctions } from '../abi/sluice-v1.ts'
import { ambientFunctions } from './ambient-functions.ts'
import { bodyFunctions } from './body-functions.ts'
import type { Guest } from './guest.ts'
import { headFunctions } from './head-functions.ts'
import { headerFunctions } from './header-functions.ts'
import { httpFunctions } from './http-functions.ts'
import { kvFunctions } from './kv-functions.ts'
import { propertyFunctions } from './property-functions.ts'
import { replyFunctions } from './reply-functions.ts'

export function hostFunctions(guest: Guest): HostFunctions {
  return {
    ...headerFunctions(guest),
    ...headFunctions(guest),
    ...propertyFunctions(guest),
    ...bodyFunctions(guest),
    ...replyFunctions(guest),
    ...kvFunctions(guest),
    ...httpFunctions(guest),
    ...ambientFunctions(guest),
  }
}
