/** The columns that scenarios share. The first column of a scenario is what its ratios are of. */

export const cpuMicros = { key: 'cpuMicros', title: 'CPU µs/request', digits: 1 }
export const cpuSecondsPerGib = { key: 'cpuSecondsPerGib', title: 'CPU s/GiB', digits: 2 }
export const requestsPerSecond = { key: 'requestsPerSecond', title: 'requests/s', digits: 0 }
export const mibPerSecond = { key: 'mibPerSecond', title: 'MiB/s', digits: 0 }
export const p99Ms = { key: 'p99Ms', title: 'p99 ms', digits: 2 }
export const residentMib = { key: 'residentMib', title: 'memory MiB', digits: 0 }

const MIB = 1024 * 1024

/** What a measured load says, in the units of these columns. `bodyBytes` are counted in the direction that carries them. */
export function loadValues(load, bodyBytes) {
  const mib = (load.requests * bodyBytes) / MIB
  return {
    cpuMicros: (load.cpuSeconds / load.requests) * 1e6,
    cpuSecondsPerGib: (load.cpuSeconds / mib) * 1024,
    requestsPerSecond: load.requests / load.seconds,
    mibPerSecond: mib / load.seconds,
    p50Ms: load.p50Ms,
    p99Ms: load.p99Ms,
    residentMib: load.peakBytes / MIB,
  }
}
