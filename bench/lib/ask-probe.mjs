/** Talks to the probe that `--import` has put into a subject's process. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { servingProcesses } from './proc-stat.mjs'

/** Whether the subject is a process of Node: a launcher of another program has nothing to say. */
export function hasProbe(subject) {
  return servingProcesses(subject.pid)[0] === subject.pid
}

/** Sends words, one after the other, by `ask(word)`; gives what `use` gives. */
export async function withProbe(subject, use) {
  const probe = connect(`\0sluice-bench-${subject.pid}`)
  try {
    return await use(async (word) => {
      probe.write(word)
      const [reply] = await once(probe, 'data')
      return JSON.parse(reply)
    })
  } finally {
    probe.destroy()
  }
}
