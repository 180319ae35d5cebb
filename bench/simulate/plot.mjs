/** The 99th percentile of each balancer, without gates and with them, as an SVG that is read on light and dark pages. */

const WIDTH = 760
const LEFT = 170
const RIGHT = 70
const TOP = 48
const ROW = 34
const BAR = 11
const LOWEST_MS = 100
const HIGHEST_MS = 5_000
const TICKS_MS = [100, 200, 500, 1_000, 2_000, 5_000]

const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #333; }
  .title { font-weight: 600; }
  .value { font-size: 10px; }
  .grid { stroke: #8884; }
  .none { fill: #d9822b; }
  .both { fill: #2b7bbf; }
  @media (prefers-color-scheme: dark) { text { fill: #ddd; } .none { fill: #f0a552; } .both { fill: #5aa9e6; } }
`

/** Of the rows, those without gates and with both. */
export function plot(rows) {
  const names = [...new Set(rows.map(({ balancer }) => balancer))]
  const height = TOP + names.length * ROW + 26
  const bottom = TOP + names.length * ROW
  const grid = TICKS_MS.map(
    (ms) =>
      `<line class="grid" x1="${x(ms)}" x2="${x(ms)}" y1="${TOP - 6}" y2="${bottom}"/>` +
      `<text x="${x(ms)}" y="${bottom + 16}" text-anchor="middle">${ms < 1000 ? `${ms} ms` : `${ms / 1000} s`}</text>`,
  )
  const bars = names.flatMap((name, i) => [
    `<text x="${LEFT - 8}" y="${TOP + i * ROW + 17}" text-anchor="end">${name}</text>`,
    ...['none', 'both'].flatMap((gates, j) => {
      const row = rows.find((each) => each.balancer === name && each.gates === gates)
      return row === undefined ? [] : [bar(row, TOP + i * ROW + 2 + j * (BAR + 1))]
    }),
  ])
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="99th percentile of latency by balancer, without and with gates">
<style>${STYLE}</style>
<text class="title" x="${LEFT}" y="18">p99 of latency, log scale; beside it the share of errors</text>
<rect class="none" x="${LEFT}" y="26" width="10" height="10"/><text x="${LEFT + 15}" y="35">without gates</text>
<rect class="both" x="${LEFT + 110}" y="26" width="10" height="10"/><text x="${LEFT + 125}" y="35">with ejection and breaker</text>
${[...grid, ...bars].join('\n')}
</svg>
`
}

function bar({ gates, figures }, y) {
  const end = x(figures.p99)
  const errors = `${(100 * figures.errors).toFixed(figures.errors < 0.01 ? 2 : 1)} %`
  return (
    `<rect class="${gates}" x="${LEFT}" y="${y}" width="${(end - LEFT).toFixed(1)}" height="${BAR}"/>` +
    `<text class="value" x="${(end + 4).toFixed(1)}" y="${y + 9}">${errors}</text>`
  )
}

function x(ms) {
  const share = Math.log(Math.max(ms, LOWEST_MS) / LOWEST_MS) / Math.log(HIGHEST_MS / LOWEST_MS)
  return Number((LEFT + Math.min(1, share) * (WIDTH - LEFT - RIGHT)).toFixed(1))
}
