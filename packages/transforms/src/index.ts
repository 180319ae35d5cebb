export { httpsRedirect, type HttpsRedirectOptions } from './https-redirect.ts'
export { hsts, type HstsOptions } from './hsts.ts'
