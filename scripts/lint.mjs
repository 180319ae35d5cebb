/** `pnpm lint`: every `lint:` script of package.json. `lint:packed` looks at the built packages, so build first. */
import { lint } from './steps.mjs'

process.exitCode = (await lint()) ? 0 : 1
