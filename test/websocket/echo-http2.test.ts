/** Messages of every size and kind come back intact, over HTTP/2. */
import { runEcho } from './run-echo.ts'

runEcho('HTTP/2')
