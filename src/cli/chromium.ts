/** Where a browser that prints is, on machines of all kinds. */
import { accessSync, constants, statSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { PdfError } from '../core/errors.ts'

const NAMES = [
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
  'chrome',
  'msedge',
  'microsoft-edge',
]

/**
 * The browser of the setting, else one on the path, else that of the development package where it is installed.
 *
 * @param setting - `report.chromium`; empty to look for one
 * @returns an absolute path
 * @throws PdfError `PDF_NO_CHROMIUM`
 */
export async function findChromium(
  setting: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  if (setting !== '') {
    if (isAbsolute(setting) && isProgram(setting)) return setting
    throw missing('The setting report.chromium is not the absolute path of a program.')
  }
  for (const folder of (environment['PATH'] ?? '').split(':')) {
    // What an empty or relative entry means depends on where one stands.
    if (!isAbsolute(folder)) continue
    const found = NAMES.map((name) => join(folder, name)).find(isProgram)
    if (found !== undefined) return found
  }
  const packaged = await fromPackage()
  if (packaged !== undefined) return packaged
  throw missing('No Chromium, Chrome or Edge was found on the path.')
}

/** The package unpacks into the folder of temporary files, where others may have laid something of that name. */
async function fromPackage(): Promise<string | undefined> {
  try {
    const { default: chromium } = await import('@sparticuz/chromium')
    const path = await chromium.executablePath()
    const { uid, mode } = statSync(path)
    const isOurs = [0, process.getuid?.()].includes(uid) && (mode & 0o022) === 0
    return isOurs && isProgram(path) ? path : undefined
  } catch {
    return undefined
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

function missing(message: string): PdfError {
  return new PdfError('PDF_NO_CHROMIUM', message, {
    hint: 'Install Chromium, or name a browser with the setting report.chromium; or write --format html and print it yourself.',
  })
}
