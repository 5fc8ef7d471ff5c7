/**
 * A file system in memory that behaves like ext4, seen by a reader one call at a time.
 *
 * Before each call of the reader stands a hook: whoever writes and rotates may act there, or the call may fail. All
 * chances come from one seed, so that a history can be played again.
 */
import type { FileStat, FileSystem, OpenFile } from '../../src/source/files.ts'
import type { Random } from '../../src/synth/random.ts'

/** A wall clock that may jump and a monotonic one that never does; nanoseconds. */
export class SimulatedClock {
  wallNs: bigint
  monotonicNs = 0n

  constructor(wallMs: number) {
    this.wallNs = BigInt(wallMs) * 1_000_000n
  }

  advanceMs(ms: number): void {
    this.advanceNs(BigInt(Math.round(ms * 1e6)))
  }

  advanceNs(ns: bigint): void {
    this.wallNs += ns
    this.monotonicNs += ns
  }

  /** Sets the wall clock forward or back; nothing else is told. */
  jumpMs(ms: number): void {
    this.wallNs += BigInt(Math.round(ms)) * 1_000_000n
  }

  wallUs(): number {
    return Number(this.wallNs / 1_000n)
  }

  monotonicMs(): number {
    return Number(this.monotonicNs) / 1e6
  }
}

/**
 * What becomes of the news of changes: told at the next delivery, some deliveries later, several as one, lost with a
 * note that some were lost, lost without a word (a network file system), or not to be had.
 */
export const WATCHES = ['prompt', 'late', 'merged', 'overflow', 'silent', 'absent'] as const
export type Watches = (typeof WATCHES)[number]

export type SystemCall = {
  readonly name: 'realPath' | 'stat' | 'names' | 'open' | 'fstat' | 'read' | 'close' | 'watch'
  readonly path: string
}

export type SimulationOptions = {
  readonly clock: SimulatedClock
  readonly random: Random
  /** Steps of the times of files, nanoseconds: 1, that of the kernel's tick (4 ms), 1 s, or that of FAT (2 s). */
  readonly granularityNs: bigint
  readonly watches: Watches
  /** Chance that a read gives less than there is. */
  readonly shortReads: number
}

type Folder = { readonly kind: 'folder'; readonly entries: Map<string, Node> }
type Regular = { readonly kind: 'file'; data: Buffer; size: number }
type Link = { readonly kind: 'link'; readonly target: string }
type Node = {
  readonly inode: number
  readonly content: Folder | Regular | Link
  links: number
  opens: number
  mtimeNs: bigint
  ctimeNs: bigint
  isReadable: boolean
  /** Handles of an earlier generation are void: the server of the file forgot them. */
  generation: number
  /** Another one with each change of the content, and for each file. */
  version: number
}
type FileNode = Node & { readonly content: Regular }

type Watcher = {
  readonly folder: Node
  readonly onChange: (name: string | undefined) => void
  readonly onLost: () => void
}
type News = { readonly folder: Node; readonly name: string; dueAt: number }

/** A process that reads: what it has open ends with it. */
export type ReadingProcess = {
  readonly files: FileSystem
  readonly openFiles: number
  end(): void
}

/** A file as a writer has it open: it stays the same one, whatever becomes of its name. */
export type WriterFile = {
  append(bytes: Uint8Array | string): void
  /** Writes at a place; a gap before it reads as NULs. */
  writeAt(offset: number, bytes: Uint8Array | string): void
  truncate(size: number): void
  content(): Buffer
  readonly size: number
  close(): void
}

/** A file that a name leads to, for the count of what there is. */
export type PresentFile = {
  readonly path: string
  /** Device and inode. */
  readonly identity: string
  readonly mtimeNs: bigint
  readonly version: number
  readonly bytes: Buffer
}

const FIRST_INODE = 12
/** News that a queue of the kernel holds before it gives up counting. */
const QUEUE_MAX = 8
const LINKS_MAX = 40

export class SimulatedFiles {
  readonly #options: SimulationOptions
  readonly #root: Node
  readonly #inodes = new Set<number>()
  #lowestFree = FIRST_INODE
  readonly #watchers = new Set<Watcher>()
  #news: News[] = []
  #deliveries = 0
  #versions = 0
  /** Names the file system; another one after a boot or a new mount. */
  device = '2049'
  /** Called before each call of the reader; what it throws, the call throws. */
  hook: (call: SystemCall) => void = () => {}
  /** Calls of the reader so far, by name. */
  readonly calls = new Map<SystemCall['name'], number>()

  constructor(options: SimulationOptions) {
    this.#options = options
    this.#root = this.#make({ kind: 'folder', entries: new Map() })
    this.#root.links = 1
  }

  /** The file system as one process sees it. */
  process(): ReadingProcess {
    const open = new Set<OpenFile>()
    const watches = new Set<{ close(): void }>()
    return {
      files: {
        realPath: (path) => {
          this.#enter('realPath', path)
          return this.#resolve(path).path
        },
        stat: (path) => {
          this.#enter('stat', path)
          return this.#stat(this.#resolve(path).node)
        },
        names: (folder) => {
          this.#enter('names', folder)
          const { node } = this.#resolve(folder)
          if (node.content.kind !== 'folder') throw systemError('ENOTDIR')
          if (!node.isReadable) throw systemError('EACCES')
          return [...node.content.entries.keys()].sort()
        },
        open: (path) => {
          const file = this.#openForReading(path, () => open.delete(file))
          open.add(file)
          return file
        },
        watch: (folder, onChange, onLost) => {
          const watch = this.#watch(folder, onChange, onLost)
          if (watch !== undefined) watches.add(watch)
          return watch
        },
      },
      get openFiles() {
        return open.size
      },
      end() {
        for (const file of [...open]) file.close()
        for (const watch of watches) watch.close()
      },
    }
  }

  // What writers and rotators do.

  makeFolder(path: string): void {
    const { folder, name } = this.#parent(path)
    const node = this.#make({ kind: 'folder', entries: new Map() })
    this.#enterName(folder, name, node)
  }

  /** Opens for writing at the end; makes the file when it is not there. */
  open(path: string): WriterFile {
    return this.#writerFile(this.#findOrMake(path))
  }

  /** Writes a whole file as a new one of that name; what had the name loses it. */
  create(path: string, bytes: Uint8Array | string): void {
    const { folder, name } = this.#parent(path)
    const node = this.#make({ kind: 'file', data: Buffer.alloc(0), size: 0 }) as FileNode
    this.#enterName(folder, name, node)
    this.#writeAt(node, 0, bytes)
  }

  append(path: string, bytes: Uint8Array | string): void {
    const node = this.#findOrMake(path)
    this.#writeAt(node, node.content.size, bytes)
  }

  writeAt(path: string, offset: number, bytes: Uint8Array | string): void {
    this.#writeAt(this.#file(path), offset, bytes)
  }

  truncate(path: string, size: number): void {
    this.#truncate(this.#file(path), size)
  }

  rename(from: string, to: string): void {
    const source = this.#parent(from)
    const node = entriesOf(source.folder).get(source.name)
    if (node === undefined) throw systemError('ENOENT')
    const target = this.#parent(to)
    entriesOf(source.folder).delete(source.name)
    this.#touchFolder(source.folder, source.name)
    node.links -= 1
    this.#enterName(target.folder, target.name, node)
    node.ctimeNs = this.#stamp()
  }

  link(path: string, to: string): void {
    const { folder, name } = this.#parent(to)
    const node = this.#file(path)
    this.#enterName(folder, name, node)
    node.ctimeNs = this.#stamp()
  }

  /** Makes a symbolic link; one that has the name already is swapped for it in one go. */
  symlink(target: string, path: string): void {
    const { folder, name } = this.#parent(path)
    this.#enterName(folder, name, this.#make({ kind: 'link', target }))
  }

  unlink(path: string): void {
    const { folder, name } = this.#parent(path)
    const node = entriesOf(folder).get(name)
    if (node === undefined) throw systemError('ENOENT')
    entriesOf(folder).delete(name)
    this.#touchFolder(folder, name)
    this.#unlinked(node)
  }

  setReadable(path: string, isReadable: boolean): void {
    const { node } = this.#resolve(path)
    node.isReadable = isReadable
    node.ctimeNs = this.#stamp()
    this.#tellOf(node)
  }

  /** Handles on the file fail from now on, as after a server of files forgot them; its name leads to it still. */
  makeStale(path: string): void {
    this.#resolve(path).node.generation += 1
  }

  has(path: string): boolean {
    try {
      this.#resolve(path)
      return true
    } catch {
      return false
    }
  }

  content(path: string): Buffer {
    return contentOf(this.#file(path))
  }

  inodeOf(path: string): number {
    return this.#resolve(path).node.inode
  }

  /** Names of the files in a folder, not of what lies in folders within it. */
  names(folder: string): string[] {
    const { node } = this.#resolve(folder)
    return [...entriesOf(node).keys()].sort()
  }

  /** Every readable file that a name under the folder leads to. */
  present(folder: string, which: 'once' | 'each name' = 'once'): PresentFile[] {
    const found: PresentFile[] = []
    const seen = new Set<number>()
    const visit = (path: string): void => {
      let node: Node
      try {
        node = this.#resolve(path).node
      } catch {
        return // A link that leads nowhere.
      }
      const isAgain = seen.has(node.inode)
      seen.add(node.inode)
      if (!node.isReadable || (isAgain && (which === 'once' || !isFile(node)))) return
      if (node.content.kind === 'folder')
        for (const name of node.content.entries.keys()) visit(`${path}/${name}`)
      else if (isFile(node))
        found.push({
          path,
          identity: `${this.device} ${node.inode}`,
          mtimeNs: node.mtimeNs,
          version: node.version,
          bytes: contentOf(node),
        })
    }
    visit(folder)
    return found
  }

  /** Tells the watchers what has become due. */
  deliver(): void {
    this.#deliveries += 1
    const { watches } = this.#options
    if (watches === 'overflow' && this.#news.length > QUEUE_MAX) {
      this.#news = []
      for (const { onChange } of [...this.#watchers]) onChange(undefined)
      return
    }
    const due = this.#news.filter(({ dueAt }) => dueAt <= this.#deliveries)
    this.#news = this.#news.filter(({ dueAt }) => dueAt > this.#deliveries)
    const told = new Set<string>()
    for (const { folder, name } of due) {
      const once = `${folder.inode} ${name}`
      if (watches === 'merged' && told.has(once)) continue
      told.add(once)
      for (const watcher of [...this.#watchers]) {
        if (watcher.folder === folder) watcher.onChange(name)
      }
    }
  }

  // What the reader does.

  #enter(name: SystemCall['name'], path: string): void {
    this.calls.set(name, (this.calls.get(name) ?? 0) + 1)
    this.#options.clock.advanceNs(1_500n)
    this.hook({ name, path })
  }

  #openForReading(path: string, onClose: () => void): OpenFile {
    this.#enter('open', path)
    const { node } = this.#resolve(path)
    if (!node.isReadable) throw systemError('EACCES')
    if (!isFile(node)) throw systemError('EISDIR')
    const { generation } = node
    node.opens += 1
    let isOpen = true
    let at = 0
    const check = (): void => {
      if (!isOpen) throw systemError('EBADF')
      if (node.generation !== generation) throw systemError('ESTALE')
    }
    return {
      stat: () => {
        this.#enter('fstat', path)
        check()
        return this.#stat(node)
      },
      read: (into, position) => {
        this.#enter('read', path)
        check()
        const from = position ?? at
        let length = Math.max(0, Math.min(into.length, node.content.size - from))
        if (length > 1 && this.#options.random.chance(this.#options.shortReads))
          length = 1 + this.#options.random.int(length)
        into.set(node.content.data.subarray(from, from + length))
        if (position === null) at += length
        return length
      },
      close: () => {
        if (!isOpen) return
        isOpen = false
        node.opens -= 1
        onClose()
        this.#freeIfUnused(node)
      },
    }
  }

  #watch(
    path: string,
    onChange: Watcher['onChange'],
    onLost: Watcher['onLost'],
  ): { close(): void } | undefined {
    this.#enter('watch', path)
    if (this.#options.watches === 'absent') return undefined
    let folder: Node
    try {
      folder = this.#resolve(path).node
    } catch {
      return undefined
    }
    const watcher = { folder, onChange, onLost }
    this.#watchers.add(watcher)
    return { close: () => this.#watchers.delete(watcher) }
  }

  #stat(node: Node): FileStat {
    return {
      kind: isFile(node) ? 'file' : 'folder',
      device: this.device,
      inode: String(node.inode),
      size: isFile(node) ? node.content.size : 4_096,
      mtimeNs: String(node.mtimeNs),
      ctimeNs: String(node.ctimeNs),
    }
  }

  // Nodes and names.

  #make(content: Folder | Regular | Link): Node {
    while (this.#inodes.has(this.#lowestFree)) this.#lowestFree += 1
    const inode = this.#lowestFree
    this.#inodes.add(inode)
    const now = this.#stamp()
    return {
      inode,
      content,
      links: 0,
      opens: 0,
      mtimeNs: now,
      ctimeNs: now,
      isReadable: true,
      generation: 0,
      version: this.#nextVersion(),
    }
  }

  #freeIfUnused(node: Node): void {
    if (node.links > 0 || node.opens > 0) return
    this.#inodes.delete(node.inode)
    this.#lowestFree = Math.min(this.#lowestFree, node.inode)
  }

  #unlinked(node: Node): void {
    node.links -= 1
    node.ctimeNs = this.#stamp()
    if (node.links === 0 && node.content.kind === 'folder')
      for (const watcher of [...this.#watchers]) {
        if (watcher.folder !== node) continue
        this.#watchers.delete(watcher)
        watcher.onLost()
      }
    this.#freeIfUnused(node)
  }

  #enterName(folder: Node, name: string, node: Node): void {
    const before = entriesOf(folder).get(name)
    entriesOf(folder).set(name, node)
    node.links += 1
    if (before !== undefined) this.#unlinked(before)
    this.#touchFolder(folder, name)
  }

  #touchFolder(folder: Node, name: string): void {
    folder.mtimeNs = this.#stamp()
    folder.ctimeNs = folder.mtimeNs
    this.#tell(folder, name)
  }

  #tell(folder: Node, name: string): void {
    const { watches, random } = this.#options
    if (watches === 'silent' || watches === 'absent' || this.#watchers.size === 0) return
    const delay = watches === 'late' ? random.int(6) : 0
    this.#news.push({ folder, name, dueAt: this.#deliveries + 1 + delay })
  }

  /** The folders that hold a name of a file hear of its change. */
  #tellOf(node: Node): void {
    for (const folder of new Set([...this.#watchers].map((watcher) => watcher.folder))) {
      for (const [name, entry] of entriesOf(folder)) {
        if (entry === node) this.#tell(folder, name)
      }
    }
  }

  #nextVersion(): number {
    this.#versions += 1
    return this.#versions
  }

  #stamp(): bigint {
    const { clock, granularityNs } = this.#options
    return clock.wallNs - (clock.wallNs % granularityNs)
  }

  #writeAt(node: FileNode, offset: number, bytes: Uint8Array | string): void {
    const data = Buffer.from(bytes)
    const { content } = node
    const end = offset + data.length
    if (end > content.data.length) {
      const larger = Buffer.alloc(Math.max(end, content.data.length * 2))
      content.data.copy(larger, 0, 0, content.size)
      content.data = larger
    }
    if (offset > content.size) content.data.fill(0, content.size, offset)
    data.copy(content.data, offset)
    content.size = Math.max(content.size, end)
    this.#changed(node)
  }

  #truncate(node: FileNode, size: number): void {
    if (size > node.content.size) this.#writeAt(node, size - 1, Uint8Array.of(0))
    node.content.size = size
    this.#changed(node)
  }

  #changed(node: Node): void {
    node.mtimeNs = this.#stamp()
    node.ctimeNs = node.mtimeNs
    node.version = this.#nextVersion()
    this.#tellOf(node)
  }

  #findOrMake(path: string): FileNode {
    if (!this.has(path)) this.create(path, '')
    return this.#file(path)
  }

  #file(path: string): FileNode {
    const { node } = this.#resolve(path)
    if (!isFile(node)) throw systemError('EISDIR')
    return node
  }

  #parent(path: string): { readonly folder: Node; readonly name: string } {
    const cut = path.lastIndexOf('/')
    return { folder: this.#resolve(path.slice(0, cut) || '/').node, name: path.slice(cut + 1) }
  }

  /** Follows links to the end. */
  #resolve(path: string, depth = 0): { readonly path: string; readonly node: Node } {
    if (depth > LINKS_MAX) throw systemError('ELOOP')
    let node = this.#root
    let real = ''
    const parts = path.split('/').filter((part) => part !== '' && part !== '.')
    for (const [i, part] of parts.entries()) {
      if (node.content.kind !== 'folder') throw systemError('ENOTDIR')
      const next = node.content.entries.get(part)
      if (next === undefined) throw systemError('ENOENT')
      if (next.content.kind === 'link') {
        const { target } = next.content
        const base = target.startsWith('/') ? target : `${real}/${target}`
        return this.#resolve([base, ...parts.slice(i + 1)].join('/'), depth + 1)
      }
      node = next
      real += `/${part}`
    }
    return { path: real === '' ? '/' : real, node }
  }

  #writerFile(node: FileNode): WriterFile {
    node.opens += 1
    let isOpen = true
    return {
      append: (bytes) => this.#writeAt(node, node.content.size, bytes),
      writeAt: (offset, bytes) => this.#writeAt(node, offset, bytes),
      truncate: (size) => this.#truncate(node, size),
      content: () => contentOf(node),
      get size() {
        return node.content.size
      },
      close: () => {
        if (!isOpen) return
        isOpen = false
        node.opens -= 1
        this.#freeIfUnused(node)
      },
    }
  }
}

/** What the system says when a call fails. */
export function systemError(code: string): Error {
  return Object.assign(new Error(code), { code })
}

function isFile(node: Node): node is FileNode {
  return node.content.kind === 'file'
}

function entriesOf(folder: Node): Map<string, Node> {
  if (folder.content.kind !== 'folder') throw systemError('ENOTDIR')
  return folder.content.entries
}

function contentOf(node: FileNode): Buffer {
  return Buffer.from(node.content.data.subarray(0, node.content.size))
}
