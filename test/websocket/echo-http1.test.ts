/** Messages of every size and kind come back intact, over HTTP/1.1. */
import { runEcho } from './run-echo.ts'

runEcho('HTTP/1.1')
