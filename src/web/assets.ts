/** Style, signs and scripts of the pages: read once, compressed once, served from memory under their digest. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { brotliCompressSync, gzipSync } from 'node:zlib'

const TYPES: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
}

export type Asset = {
  readonly type: string
  /** Quoted, as the header has it. */
  readonly etag: string
  readonly plain: Buffer
  readonly gzip: Buffer
  readonly brotli: Buffer
}

export type Assets = {
  /** Of all of them, for their addresses. */
  readonly version: string
  readonly byName: ReadonlyMap<string, Asset>
}

/** @param folders - hold the files; one that is not there holds none */
export function readAssets(folders: readonly URL[]): Assets {
  const byName = new Map<string, Asset>()
  const all = createHash('sha256')
  for (const folder of folders) {
    for (const name of namesIn(folder)) {
      const type = /^[a-z0-9-]+\.(css|js|svg)$/.exec(name)?.[1]
      if (type === undefined) continue
      const plain = readFileSync(new URL(name, folder))
      const digest = createHash('sha256').update(plain).digest('hex')
      all.update(`${name} ${digest}\n`)
      byName.set(name, {
        type: TYPES[type]!,
        etag: `"${digest.slice(0, 32)}"`,
        plain,
        gzip: gzipSync(plain),
        brotli: brotliCompressSync(plain),
      })
    }
  }
  return { version: all.digest('hex').slice(0, 12), byName }
}

/** The content in the best coding that the client takes. */
export function codedFor(
  asset: Asset,
  accepted: string | undefined,
): { readonly coding: 'br' | 'gzip' | undefined; readonly content: Buffer } {
  const takes = (coding: string): boolean =>
    (accepted ?? '').split(',').some((one) => {
      const [name, quality] = one
        .trim()
        .toLowerCase()
        .split(/\s*;\s*q=/)
      return name === coding && Number(quality ?? 1) > 0
    })
  if (takes('br')) return { coding: 'br', content: asset.brotli }
  if (takes('gzip')) return { coding: 'gzip', content: asset.gzip }
  return { coding: undefined, content: asset.plain }
}

function namesIn(folder: URL): readonly string[] {
  try {
    return readdirSync(folder).sort()
  } catch {
    // A checkout that is not built yet has no scripts; pages work without them.
    return []
  }
}
