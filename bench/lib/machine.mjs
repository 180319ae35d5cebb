/** Where the figures come from: processor, kernel and versions. No names and no paths. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem, type } from 'node:os'
import { findProgram } from './external-program.mjs'

const PEERS = ['fast-proxy', 'http-proxy-3', 'httpxy', '@fastify/http-proxy', 'fastify', 'undici', 'autocannon']

export function machineFacts() {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGib: Math.round(totalmem() / 2 ** 30),
    // The release's own number; what follows it is the builder's.
    kernel: `${type()} ${/^[\d.]+/.exec(release())?.[0] ?? ''}`,
    node: process.versions.node,
    versions: { ...programVersions(), ...peerVersions() },
  }
}

function programVersions() {
  const programs = { nginx: ['-v'], haproxy: ['-v'], wrk: ['-v'], h2load: ['--version'], openssl: ['version'] }
  return Object.fromEntries(
    Object.entries(programs)
      .filter(([name]) => findProgram(name) !== undefined)
      .map(([name, args]) => {
        const { stdout, stderr } = spawnSync(name, args, { encoding: 'utf8' })
        return [name, /\d+\.\d+\.\d+/.exec(stdout + stderr)?.[0] ?? 'unknown']
      }),
  )
}

function peerVersions() {
  // Read beside this folder: many packages do not export their package.json.
  return Object.fromEntries(
    PEERS.flatMap((name) => {
      try {
        const manifest = new URL(`../node_modules/${name}/package.json`, import.meta.url)
        return [[name, JSON.parse(readFileSync(manifest, 'utf8')).version]]
      } catch {
        return []
      }
    }),
  )
}
