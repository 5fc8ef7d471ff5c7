/**
 * What reading of sources asks of a file system. It arrives as a value, so that a test can play one in which files are
 * rotated between any two calls.
 */
import {
  type BigIntStats,
  closeSync,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
  statfsSync,
  statSync,
  watch,
} from 'node:fs'

/** What the system tells of a file without a look at its content. */
export type FileStat = {
  readonly kind: 'file' | 'folder' | 'pipe' | 'device' | 'other'
  /** Decimal numbers: some file systems use all of 64 bits. */
  readonly device: string
  readonly inode: string
  readonly size: number
  /** Nanoseconds since 1970, decimal. */
  readonly mtimeNs: string
  readonly ctimeNs: string
}

/** A file that is open: it stays the same one, whatever becomes of its name. */
export type OpenFile = {
  stat(): FileStat
  /**
   * Reads once.
   *
   * @param position - bytes from the start; null reads on where the last call ended (pipes)
   * @returns bytes read; 0 at the end
   */
  read(into: Uint8Array, position: number | null): number
  close(): void
}

/** Each call throws what the system says: an error with a `code` such as `ENOENT`. */
export type FileSystem = {
  realPath(path: string): string
  /** Follows links. */
  stat(path: string): FileStat
  /** Names in a folder, in the order of their code units. */
  names(folder: string): readonly string[]
  open(path: string): OpenFile
  /**
   * Asks to be told of changes in a folder, itself only.
   *
   * @param onChange - is given the name in the folder that changed; undefined when the system does not say or has lost count
   * @param onLost - the watch has ended by itself
   * @returns undefined where the system cannot tell: then only looking helps
   */
  watch(
    folder: string,
    onChange: (name: string | undefined) => void,
    onLost: () => void,
  ): { close(): void } | undefined
}

/** The file system of the machine. */
export const systemFiles: FileSystem = {
  realPath: (path) => realpathSync(path),
  stat: (path) => statOf(statSync(path, { bigint: true })),
  names: (folder) => readdirSync(folder).sort(),
  open(path) {
    return openDescriptor(openSync(path, 'r'))
  },
  watch(folder, onChange, onLost) {
    try {
      // Such a file system takes a watch and tells nothing of what other machines do.
      if (NETWORK_FILE_SYSTEMS.has(statfsSync(folder).type)) return undefined
      const watcher = watch(folder, { persistent: false, encoding: 'buffer' }, (_, name) =>
        onChange(name === null ? undefined : name.toString()),
      )
      watcher.on('error', () => {
        watcher.close()
        onLost()
      })
      return watcher
    } catch {
      return undefined
    }
  },
}

/** Magic numbers of statfs(2): NFS, SMB and CIFS in their versions, FUSE (sshfs and others), 9p, Ceph, AFS, GFS2, Lustre. */
const NETWORK_FILE_SYSTEMS: ReadonlySet<number> = new Set([
  0x6969, 0x517b, 0xfe534d42, 0xff534d42, 0x65735546, 0x01021997, 0x00c36400, 0x5346414f,
  0x01161970, 0x0bd00bd0,
])

/** What is at a path; undefined where nothing is, or nothing can be told. */
export function statIfThere(path: string, files: FileSystem): FileStat | undefined {
  try {
    return files.stat(path)
  } catch {
    return undefined
  }
}

/** A file that was opened elsewhere; standard input is 0. */
export function openDescriptor(fd: number): OpenFile {
  return {
    stat: () => statOf(fstatSync(fd, { bigint: true })),
    read: (into, position) => readSync(fd, into, 0, into.length, position),
    close: () => {
      if (fd !== 0) closeSync(fd)
    },
  }
}

function statOf(stat: BigIntStats): FileStat {
  return {
    kind: stat.isFile()
      ? 'file'
      : stat.isDirectory()
        ? 'folder'
        : stat.isFIFO()
          ? 'pipe'
          : stat.isCharacterDevice()
            ? 'device'
            : 'other',
    device: String(stat.dev),
    inode: String(stat.ino),
    size: Number(stat.size),
    mtimeNs: String(stat.mtimeNs),
    ctimeNs: String(stat.ctimeNs),
  }
}

/** Names a file while it exists. */
export function inodeOf(stat: Pick<FileStat, 'device' | 'inode'>): string {
  return `${stat.device}:${stat.inode}`
}
