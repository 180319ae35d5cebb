/** Headless Chromium, with nothing of its own on disk and nothing to say to anybody but the page's origin. */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome']

/** Finds it on PATH and starts it, with a profile that is new and goes with it. */
export async function startChromium(): Promise<Browser> {
  return await chromium.launch({
    executablePath: chromiumPath(),
    // The rest that keeps a browser quiet is playwright's own list.
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-component-update', '--disable-sync'],
  })
}

function chromiumPath(): string {
  const folders = (process.env.PATH ?? '').split(delimiter)
  const found = folders.flatMap((folder) => NAMES.map((name) => join(folder, name))).find(isProgram)
  if (found === undefined)
    throw new Error('no Chromium on PATH: `npm test` installs it as root on Debian (apt-get install chromium)')
  return found
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
