/** What an operator named to be followed, the folders it leads to, and the paths at which something may be new. */
import { basename, dirname, join } from 'node:path'
import type { InstantUs } from '../core/instant.ts'
import { LIMITS } from '../limits.ts'
import { toVisible } from '../neutralize/visible.ts'
import { isGlob, isSibling, matchesOf, realPathOf } from '../source/discover.ts'
import { type FileSystem, inodeOf, statIfThere } from '../source/files.ts'

/** A file, folder or pattern as it was named. */
export type Root =
  | { readonly kind: 'folder'; readonly path: string }
  | {
      readonly kind: 'file'
      readonly path: string
      /** Parts that were rotated away before are history that was not asked for. */
      sinceUs: InstantUs | undefined
    }
  | { readonly kind: 'pattern'; readonly path: string }

type Folder = {
  readonly path: string
  readonly place: string
  /** The named folder that it lies in, or is; undefined where only some of its files are followed. */
  whole: Root | undefined
  inode: string
  watch: { close(): void } | undefined
  /** Its own time of change when it was last listed, and how many more times it is listed to be sure. */
  mtimeNs: string
  listings: number
}

export class FollowedNames {
  readonly roots: Root[]
  readonly #files: FileSystem
  readonly #own: ReadonlySet<string>
  readonly #known: (path: string) => Root | undefined
  readonly #onNews: () => void
  readonly #folders = new Map<string, Folder>()
  /** Where these really are: a folder that links lead to twice is followed once. */
  readonly #places = new Set<string>()
  /** What the system told of, or a look at the names brought up. */
  readonly #dirty = new Map<string, Root | undefined>()
  readonly #dirtyFolders = new Set<string>()
  /** A name came up that no root knows: a pattern may. */
  #hasStrangers = false
  #matchedMs = Number.NEGATIVE_INFINITY
  #isFull = false

  /**
   * @param ownFolders - of nacre itself; what lies in them is no log
   * @param rootOf - what a path belongs to that is followed already
   * @param onNews - told when the system says that something changed
   */
  constructor(
    paths: readonly string[],
    ownFolders: readonly string[],
    files: FileSystem,
    rootOf: (path: string) => Root | undefined,
    onNews: () => void,
  ) {
    this.#files = files
    this.#known = rootOf
    this.#onNews = onNews
    this.#own = new Set(ownFolders.map((folder) => realPathOf(folder, files)))
    this.roots = paths.map((path) => this.#rootOf(path))
  }

  start(): void {
    for (const root of this.roots) this.#lookAt(root)
  }

  close(): void {
    for (const { watch } of this.#folders.values()) watch?.close()
    this.#folders.clear()
    this.#places.clear()
  }

  hasNews(): boolean {
    return this.#dirty.size > 0 || this.#dirtyFolders.size > 0
  }

  /**
   * Paths at which something may be new; each is told once.
   *
   * @param open - names of open files: where a listing lacks one, that is news
   */
  news(open: Iterable<string>): [string, Root | undefined][] {
    if (this.#dirtyFolders.size > 0) {
      const folders = [...this.#dirtyFolders]
      this.#dirtyFolders.clear()
      const openPaths = [...open]
      for (const path of folders) {
        const folder = this.#folders.get(path)
        if (folder !== undefined) this.#list(folder, openPaths)
      }
    }
    const paths = [...this.#dirty]
    this.#dirty.clear()
    return paths
  }

  /** Notes that something may have changed at a path. */
  touch(path: string): void {
    if (this.#dirty.has(path)) return
    const root = this.#known(path) ?? this.#rootFor(path)
    if (root === undefined) this.#hasStrangers = true
    else this.#dirty.set(path, root)
  }

  /** Whether the system tells of changes at a path. */
  isWatched(path: string): boolean {
    return this.#folders.get(dirname(path))?.watch !== undefined
  }

  areAllWatched(): boolean {
    return [...this.#folders.values()].every(({ watch }) => watch !== undefined)
  }

  notices(): readonly string[] {
    const absent = this.roots.filter(
      ({ kind, path }) => kind !== 'pattern' && statIfThere(path, this.#files) === undefined,
    )
    return [
      ...absent.map(({ path }) => `${toVisible(path)} cannot be found; it is waited for.`),
      ...(this.#isFull
        ? [`More than ${LIMITS.followFoldersMax} folders: those beyond are not followed.`]
        : []),
    ]
  }

  /** A path turned out to be a folder. */
  isFolder(path: string, root: Root | undefined): void {
    if (root?.kind === 'folder') this.#addFolder(path, root)
    else if (root !== undefined && path === root.path) {
      const at = this.roots.indexOf(root)
      if (at < 0) return
      const folder: Root = { kind: 'folder', path }
      this.roots[at] = folder
      this.#lookAt(folder)
    }
  }

  /** Nothing is at a path any more. */
  isGone(path: string): void {
    const folder = this.#folders.get(path)
    if (folder !== undefined && path !== folder.whole?.path) this.#dropFolder(folder)
  }

  /** Looks at every folder itself, whether or not the system tells. @param nowMs - monotonic */
  poll(nowMs: number): void {
    for (const folder of this.#folders.values()) {
      const stat = statIfThere(folder.path, this.#files)
      if (stat === undefined) {
        if (folder.mtimeNs !== '') this.#dirtyFolders.add(folder.path)
        continue
      }
      // A folder that was made anew is another one, and the old watch tells nothing of it.
      if (folder.watch === undefined || folder.inode !== inodeOf(stat)) this.#watch(folder)
      folder.inode = inodeOf(stat)
      if (stat.mtimeNs !== folder.mtimeNs) {
        folder.mtimeNs = stat.mtimeNs
        // The clock of a file system is coarse: what comes right after a listing may not show in it.
        folder.listings = 3
      }
      if (folder.listings > 0) {
        folder.listings -= 1
        this.#dirtyFolders.add(folder.path)
      }
    }
    // A pattern goes over whole folders: when a name came up that nobody knows, and now and then.
    const isMatching = this.#hasStrangers || nowMs - this.#matchedMs >= LIMITS.patternLookMs
    if (isMatching) this.#matchedMs = nowMs
    this.#hasStrangers = false
    for (const root of this.roots)
      if (root.kind === 'file' || (root.kind === 'pattern' && isMatching)) this.#lookAt(root)
  }

  #rootOf(path: string): Root {
    if (isGlob(path, this.#files)) return { kind: 'pattern', path }
    // What is not there may come: a file, until it turns out to be a folder.
    return statIfThere(path, this.#files)?.kind === 'folder'
      ? { kind: 'folder', path }
      : { kind: 'file', path, sinceUs: undefined }
  }

  #lookAt(root: Root): void {
    if (root.kind === 'folder') this.#addFolder(root.path, root)
    else if (root.kind === 'file') {
      this.#addFolder(dirname(root.path), undefined)
      this.#dirty.set(root.path, root)
    } else {
      for (const path of matchesOf(root.path, this.#files)) {
        if (path === root.path) continue
        this.#addFolder(dirname(path), undefined)
        this.#dirty.set(path, root)
      }
    }
  }

  #rootFor(path: string): Root | undefined {
    const folder = dirname(path)
    return (
      this.roots.find((root) => root.path === path) ??
      this.#folders.get(folder)?.whole ??
      this.roots.find(
        (root) =>
          root.kind === 'file' &&
          dirname(root.path) === folder &&
          isSibling(basename(path), basename(root.path)),
      )
    )
  }

  #addFolder(path: string, whole: Root | undefined): void {
    const known = this.#folders.get(path)
    if (known !== undefined) {
      if (known.whole === undefined && whole !== undefined) {
        known.whole = whole
        this.#dirtyFolders.add(path)
      }
      return
    }
    const place = realPathOf(path, this.#files)
    if (this.#own.has(place) || this.#places.has(place)) return
    if (this.#folders.size >= LIMITS.followFoldersMax) {
      this.#isFull = true
      return
    }
    const folder: Folder = {
      path,
      place,
      whole,
      inode: '',
      watch: undefined,
      mtimeNs: '',
      listings: 0,
    }
    this.#folders.set(path, folder)
    this.#places.add(place)
    this.#watch(folder)
    this.#dirtyFolders.add(path)
  }

  #dropFolder(folder: Folder): void {
    folder.watch?.close()
    this.#folders.delete(folder.path)
    this.#places.delete(folder.place)
  }

  #watch(folder: Folder): void {
    folder.watch?.close()
    folder.watch = this.#files.watch(
      folder.path,
      (name) => {
        if (name === undefined) this.#dirtyFolders.add(folder.path)
        else this.touch(join(folder.path, name))
        this.#onNews()
      },
      () => {
        folder.watch = undefined
      },
    )
  }

  #list(folder: Folder, openPaths: readonly string[]): void {
    let names: readonly string[] = []
    try {
      names = this.#files.names(folder.path)
    } catch {
      folder.watch?.close()
      folder.watch = undefined
      folder.mtimeNs = ''
      if (folder.whole !== undefined && folder.path !== folder.whole.path) this.#dropFolder(folder)
    }
    for (const name of names) {
      const path = join(folder.path, name)
      if (this.#known(path) === undefined) this.touch(path)
    }
    // Names that are gone, of files that are open: their last lines are read through what is open.
    const present = new Set(names)
    for (const path of openPaths) {
      if (dirname(path) === folder.path && !present.has(basename(path))) this.touch(path)
    }
  }
}
