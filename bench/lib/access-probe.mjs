/** `node access-probe.mjs NAME`: measures one cost of access rules in a process of its own, and prints a line of JSON. */
import { accessCost } from './access-costs.mjs'

console.log(JSON.stringify(accessCost(process.argv[2])))
