/**
 * What happens to log files, each as a play of small acts: between any two of them a reader may look, or be in the
 * middle of a look.
 */
import { gzipSync } from 'node:zlib'
import { type CowrieLog, LOGS, type World } from './workload.ts'

/**
 * What the play wants of a calm director before it goes on: nothing, one look of the reader, or looks until nothing is
 * new. A wild director gives what chance says.
 */
export type Moment = 'on' | 'look' | 'rest'

export type Acts = Generator<Moment, void>

/** What a naive follower makes of it under a calm director. */
export type NaiveFate = 'right' | 'loses' | 'doubles' | 'loses and doubles'

export type Play = {
  readonly name: string
  /** Title of its test. */
  readonly claim: string
  /** Followers that know a file by its path or by its inode. */
  readonly naive: { readonly path: NaiveFate; readonly inode: NaiveFate }
  /** @param log - the log it is about; other files of the play begin with the same name */
  acts(world: World, log: CowrieLog): Acts
}

const HOUR_MS = 3_600_000

export const PLAYS: readonly Play[] = [
  {
    name: 'rename',
    claim: 'a log that is renamed and begun anew is read on under both names',
    naive: { path: 'loses and doubles', inode: 'right' },
    *acts({ files }, log) {
      for (let day = 3; day > 0; day -= 1) {
        yield* logging(log, 20)
        files.rename(log.path, `${log.path}.${day}`)
        yield 'on'
        log.reopen()
        yield* logging(log, 20)
      }
    },
  },
  {
    name: 'late-lines',
    claim: 'lines that Cowrie writes into a log after it was renamed are stored',
    naive: { path: 'loses', inode: 'right' },
    *acts({ files }, log) {
      yield* logging(log, 20)
      files.rename(log.path, `${log.path}.1`)
      yield 'look'
      yield* logging(log, 20)
      yield 'rest'
      yield* logging(log, 10)
      log.reopen()
      yield* logging(log, 10)
    },
  },
  {
    name: 'dated',
    claim: 'names with dates, also of another time zone or the same day twice, change nothing',
    naive: { path: 'loses and doubles', inode: 'right' },
    *acts({ files }, log) {
      // Written in UTC+12 and rotated by a machine in UTC-12: the same day comes twice, the second replaces the first.
      for (const day of ['2026-05-19', '2026-05-20', '2026-05-20', '2026-05-22']) {
        yield* logging(log, 15)
        files.rename(log.path, `${log.path}.${day}`)
        log.reopen()
        yield 'look'
      }
      yield* logging(log, 15)
    },
  },
  {
    name: 'numbered',
    claim: 'the shift of logrotate, with compression of the older ones, stores each line once',
    naive: { path: 'loses and doubles', inode: 'doubles' },
    *acts(world, log) {
      for (let round = 0; round < 4; round += 1) {
        yield* logging(log, 25)
        yield* shift(world, log)
        log.reopen()
        yield* logging(log, 10)
      }
    },
  },
  {
    name: 'rename-compress',
    claim: 'a log that is renamed and compressed at once stays one source',
    naive: { path: 'loses and doubles', inode: 'doubles' },
    *acts(world, log) {
      const { files } = world
      for (const day of ['2026-05-20', '2026-05-21']) {
        yield* logging(log, 30)
        const dated = `${log.path}.${day}`
        files.rename(log.path, dated)
        log.reopen()
        yield 'on'
        yield* compress(world, dated, `${dated}.gz`)
        yield* logging(log, 10)
      }
    },
  },
  {
    name: 'copytruncate',
    claim: 'a log that is copied and emptied loses no line that was there to be read',
    naive: { path: 'loses and doubles', inode: 'doubles' },
    *acts({ files }, log) {
      for (let round = 1; round <= 3; round += 1) {
        yield* logging(log, 30)
        yield 'look'
        files.create(`${log.path}.${4 - round}`, files.content(log.path))
        yield 'on'
        files.truncate(log.path, 0)
        yield 'look'
        yield* logging(log, 5)
      }
    },
  },
  {
    name: 'copytruncate-busy',
    claim: 'lines between the copy and the emptying of a log are stored when a look fell between',
    naive: { path: 'loses and doubles', inode: 'doubles' },
    *acts({ files }, log) {
      yield* logging(log, 30)
      files.create(`${log.path}.1`, files.content(log.path))
      yield 'on'
      yield* logging(log, 8)
      yield 'rest'
      yield* logging(log, 8)
      files.truncate(log.path, 0)
      yield 'on'
      yield* logging(log, 60)
    },
  },
  {
    name: 'copytruncate-grown',
    claim: 'a log that was emptied and has outgrown its old size is read from its start',
    naive: { path: 'loses and doubles', inode: 'loses and doubles' },
    *acts({ files }, log) {
      yield* logging(log, 20)
      yield 'rest'
      files.create(`${log.path}.1`, files.content(log.path))
      files.truncate(log.path, 0)
      log.write(log.lines(60))
      yield 'rest'
    },
  },
  {
    name: 'copytruncate-same-first',
    claim: 'a log that was emptied and begins with the same line again is read from its start',
    naive: { path: 'loses and doubles', inode: 'doubles' },
    *acts({ files }, log) {
      const first = log.lines(1)
      log.write(first)
      yield* logging(log, 20)
      yield 'rest'
      files.create(`${log.path}.1`, files.content(log.path))
      files.truncate(log.path, 0)
      log.write(log.again(first))
      yield* logging(log, 6)
      yield 'rest'
      yield* logging(log, 40)
    },
  },
  {
    name: 'rewrite',
    claim: 'a log that is rewritten with other lines, fewer or more, is read from its start',
    naive: { path: 'loses', inode: 'loses' },
    *acts({ files }, log) {
      for (const count of [20, 50, 10, 70]) {
        if (files.has(log.path)) files.truncate(log.path, 0)
        yield 'on'
        log.write(log.lines(count))
        yield 'rest'
      }
    },
  },
  {
    name: 'rewrite-same-size',
    claim: 'a log that is rewritten at once with other lines of the same length is read again',
    naive: { path: 'loses', inode: 'loses' },
    *acts({ files, clock }, log) {
      const before = log.lines(12)
      log.write(before)
      yield 'rest'
      clock.advanceMs(5_000)
      const after = padded(log.lines(12), before)
      files.truncate(log.path, 0)
      files.append(log.path, after)
      yield 'rest'
    },
  },
  {
    name: 'rewrite-same-tick',
    claim:
      'a log that is rewritten within one tick of its clock, with the same length, is read again',
    naive: { path: 'loses', inode: 'loses' },
    *acts({ files }, log) {
      const before = log.lines(12)
      log.write(before)
      yield 'look'
      const after = padded(log.lines(12), before)
      files.truncate(log.path, 0)
      files.append(log.path, after)
      yield 'rest'
    },
  },
  {
    name: 'delete-open',
    claim: 'a log that is deleted while Cowrie writes to it is read as far as there was a look',
    naive: { path: 'loses', inode: 'right' },
    *acts({ files }, log) {
      yield* logging(log, 20)
      yield 'rest'
      files.unlink(log.path)
      yield 'on'
      yield* logging(log, 5)
      log.reopen()
      yield* logging(log, 40)
    },
  },
  {
    name: 'symlink-swap',
    claim: 'a name that is a link, swapped from one log to the next, leads to all of them',
    naive: { path: 'loses and doubles', inode: 'right' },
    *acts(world, log) {
      const { files } = world
      for (let i = 0; i < 3; i += 1) {
        const target = `${log.path}-${i}`
        const part = world.log(target.slice(LOGS.length + 1))
        yield* logging(part, 10)
        files.symlink(target, log.path)
        yield 'look'
        yield* logging(part, 10 + i * 5)
      }
    },
  },
  {
    name: 'rsync',
    claim: 'copies that rsync makes under a temporary name and renames add only what is new',
    naive: { path: 'right', inode: 'doubles' },
    *acts(world, log) {
      let whole = ''
      for (let round = 0; round < 3; round += 1) {
        whole += log.lines(20)
        const temporary = `${LOGS}/.${log.path.slice(LOGS.length + 1)}.${world.random.text(6, 'aBcDeF')}`
        for (const part of pieces(whole, 3)) {
          world.files.append(temporary, part)
          yield 'on'
        }
        world.files.rename(temporary, log.path)
        yield 'rest'
      }
    },
  },
  {
    name: 'rsync-in-place',
    claim: 'a copy that rsync writes over from its start adds only what is new',
    naive: { path: 'right', inode: 'right' },
    *acts({ files }, log) {
      let whole = ''
      files.create(log.path, '')
      for (let round = 0; round < 3; round += 1) {
        whole += log.lines(20)
        let at = 0
        for (const part of pieces(whole, 4)) {
          files.writeAt(log.path, at, part)
          at += Buffer.byteLength(part)
          yield 'on'
        }
        yield 'rest'
      }
    },
  },
  {
    name: 'rsync-append',
    claim: 'a copy to which rsync appends in blocks that cut lines is read line by line',
    naive: { path: 'loses', inode: 'right' },
    *acts({ files }, log) {
      for (let round = 0; round < 3; round += 1) {
        for (const part of pieces(log.lines(20), 5)) {
          files.append(log.path, part)
          yield 'look'
        }
        yield 'rest'
      }
    },
  },
  {
    name: 'gzip-growing',
    claim: 'an archive that is looked at while it is written is read to its end later',
    naive: { path: 'loses', inode: 'loses' },
    *acts({ files, clock }, log) {
      const packed = gzipSync(log.lines(200))
      for (const part of pieces(packed, 6)) {
        files.append(`${log.path}.gz`, part)
        yield 'look'
        clock.advanceMs(90_000)
        yield 'look'
      }
      yield 'rest'
    },
  },
  {
    name: 'gzip-members',
    claim: 'an archive to which further members are appended is read on',
    naive: { path: 'right', inode: 'right' },
    *acts({ files, clock }, log) {
      for (let hour = 0; hour < 4; hour += 1) {
        files.append(`${log.path}.gz`, gzipSync(log.lines(25)))
        yield 'rest'
        clock.advanceMs(HOUR_MS)
      }
    },
  },
  {
    name: 'gzip-begun-again',
    claim: 'an archive whose making broke off and was begun anew, with more in it, is read once',
    naive: { path: 'loses', inode: 'doubles' },
    *acts({ files, clock }, log) {
      const text = log.lines(120)
      const packed = gzipSync(text)
      files.create(`${log.path}.gz`, packed.subarray(0, packed.length >> 1))
      yield 'rest'
      clock.advanceMs(HOUR_MS)
      yield 'rest'
      files.truncate(`${log.path}.gz`, 0)
      yield 'look'
      files.append(`${log.path}.gz`, gzipSync(text + log.lines(40), { level: 1 }))
      yield 'rest'
    },
  },
  {
    name: 'inode-reuse',
    claim: 'a new log that gets the inode of a deleted one is read from its start',
    naive: { path: 'loses', inode: 'loses' },
    *acts(world, log) {
      const { files } = world
      for (let round = 0; round < 3; round += 1) {
        log.write(log.lines(15 + round * 10))
        log.reopen()
        yield 'rest'
        files.unlink(log.path)
        // The lowest free number is given out again: to the new file.
        yield 'on'
      }
      log.write(log.lines(60))
      yield 'rest'
    },
  },
  {
    name: 'same-first-line',
    claim: 'logs that begin with the same line are told apart',
    naive: { path: 'loses', inode: 'right' },
    *acts(world, log) {
      const first = log.lines(1)
      for (let i = 0; i < 4; i += 1) {
        const part = world.log(`${log.path.slice(LOGS.length + 1)}.2026-05-1${i}`)
        part.write(i === 0 ? first : log.again(first))
        yield* logging(part, 12)
      }
    },
  },
  {
    name: 'fork',
    claim: 'a copy of a log that goes on by itself is read on beside the log it was copied from',
    naive: { path: 'loses and doubles', inode: 'doubles' },
    *acts(world, log) {
      yield* logging(log, 30)
      yield 'rest'
      const copy = world.log(`${log.path.slice(LOGS.length + 1)}-copy`)
      copy.write(world.files.content(log.path))
      yield 'look'
      for (let round = 0; round < 3; round += 1) {
        yield* logging(log, 8)
        yield* logging(copy, 5)
        yield 'rest'
      }
    },
  },
  {
    name: 'tiny',
    claim: 'files that begin with a few bytes and grow past a kilobyte stay one source each',
    naive: { path: 'loses', inode: 'right' },
    *acts(world, log) {
      const parts = [0, 1, 2].map((i) =>
        world.log(`${log.path.slice(LOGS.length + 1)}-${i}`, `sensor-${i}`),
      )
      for (let round = 0; round < 8; round += 1) {
        for (const part of parts) {
          if (round % 2 === 0) part.beginLine()
          else part.endLine()
          yield 'look'
        }
        if (round % 2 === 1) for (const part of parts) part.log(1)
        yield 'rest'
      }
    },
  },
  {
    name: 'shrink-regrow',
    claim:
      'a log cut off in the middle that grows again past its old size is read where it changed',
    naive: { path: 'loses and doubles', inode: 'loses and doubles' },
    *acts({ files, random }, log) {
      for (let round = 0; round < 3; round += 1) {
        yield* logging(log, 30)
        yield 'rest'
        const text = files.content(log.path)
        // At the end of a line, or within one.
        const cut = text.indexOf(0x0a, text.length >> 1) + 1
        files.truncate(log.path, round === 1 ? cut - random.between(5, 60) : cut)
        yield 'on'
        // The rest of a line that was cut must not begin a line of its own.
        log.write(round === 1 ? `\n${log.lines(60)}` : log.lines(60))
        yield 'rest'
      }
    },
  },
  {
    name: 'restored',
    claim:
      'a log set back to an older copy of itself, and brought up to date again, adds nothing twice',
    naive: { path: 'loses and doubles', inode: 'doubles' },
    *acts({ files }, log) {
      yield* logging(log, 20)
      const older = files.content(log.path)
      yield* logging(log, 20)
      const newer = files.content(log.path)
      yield 'rest'
      files.create(log.path, older)
      log.reopen()
      yield 'rest'
      files.append(log.path, newer.subarray(older.length))
      yield 'look'
      yield* logging(log, 10)
    },
  },
  {
    name: 'torn-for-hours',
    claim: 'a last line that stays unfinished for hours is stored when its rest comes',
    naive: { path: 'loses', inode: 'right' },
    *acts({ clock }, log) {
      yield* logging(log, 10)
      log.beginLine()
      for (let hour = 0; hour < 6; hour += 1) {
        yield 'rest'
        clock.advanceMs(HOUR_MS)
      }
      log.endLine()
      yield* logging(log, 10)
    },
  },
  {
    name: 'no-line-end',
    claim:
      'a last line that is whole but has no line end is stored once, before and after its end comes',
    naive: { path: 'loses', inode: 'loses' },
    *acts({ clock }, log) {
      for (let round = 0; round < 3; round += 1) {
        yield* logging(log, 6)
        log.logWithoutEnd()
        yield 'look'
        clock.advanceMs(2_500)
        yield 'rest'
        log.write('\n')
        yield 'look'
      }
      log.logWithoutEnd()
    },
  },
  {
    name: 'line-without-end-rotated',
    claim: 'a rotated log whose last line has no end, or comes late, gives that line once',
    naive: { path: 'loses and doubles', inode: 'right' },
    *acts({ files, clock }, log) {
      yield* logging(log, 6)
      log.beginLine()
      yield 'look'
      files.rename(log.path, `${log.path}.1`)
      files.create(log.path, '')
      clock.advanceMs(HOUR_MS)
      yield 'rest'
      log.endLine()
      yield 'rest'
      log.beginLine()
      clock.advanceMs(HOUR_MS)
      yield 'rest'
      log.endLine()
      log.log(3)
      log.reopen()
      yield* logging(log, 10)
    },
  },
  {
    name: 'nul-block',
    claim: 'zeros that a loss of power left in a log cost none of the lines around them',
    naive: { path: 'loses', inode: 'right' },
    *acts({ files, random }, log) {
      for (let round = 0; round < 3; round += 1) {
        yield* logging(log, 12)
        if (round === 1) log.beginLine()
        yield 'rest'
        files.writeAt(
          log.path,
          files.content(log.path).length + random.between(10, 5_000),
          round === 2 ? '' : '\n',
        )
        log.dropLine()
        yield 'look'
      }
      yield* logging(log, 12)
    },
  },
  {
    name: 'nul-filled',
    claim: 'a log that has zeros where its lines come a moment later is read when they are there',
    naive: { path: 'loses', inode: 'right' },
    *acts({ files }, log) {
      yield* logging(log, 12)
      yield 'look'
      // The size is on the disk before the data: what power loss and network file systems show for a while.
      const more = log.lines(8)
      const at = files.content(log.path).length
      files.writeAt(log.path, at, Buffer.alloc(Buffer.byteLength(more)))
      yield 'look'
      files.writeAt(log.path, at, more)
      yield 'rest'
      yield* logging(log, 12)
    },
  },
  {
    name: 'clock-jumps',
    claim: 'a wall clock that jumps back and forth hides no line',
    naive: { path: 'loses', inode: 'right' },
    *acts({ clock }, log) {
      for (const jumpMs of [-HOUR_MS, 26 * HOUR_MS, -30 * 24 * HOUR_MS, 400 * 24 * HOUR_MS, -1]) {
        yield* logging(log, 8)
        clock.jumpMs(jumpMs)
        yield 'rest'
      }
      yield* logging(log, 8)
    },
  },
  {
    name: 'late-day',
    claim: 'the finished log of a day that gets lines days later is read on',
    naive: { path: 'loses', inode: 'right' },
    *acts({ files, clock }, log) {
      yield* logging(log, 15)
      const dated = `${log.path}.2026-05-20`
      files.rename(log.path, dated)
      log.reopen()
      yield* logging(log, 15)
      clock.advanceMs(72 * HOUR_MS)
      yield 'rest'
      files.append(dated, log.lines(5))
      yield 'rest'
      clock.advanceMs(72 * HOUR_MS)
      yield 'rest'
      files.append(dated, log.lines(5))
    },
  },
  manyFiles(120),
  {
    name: 'unreadable',
    claim: 'a log that may not be read is read from where it stood once it may be',
    naive: { path: 'doubles', inode: 'right' },
    *acts({ files, clock }, log) {
      yield* logging(log, 10)
      yield 'rest'
      files.setReadable(log.path, false)
      yield 'look'
      yield* logging(log, 10)
      clock.advanceMs(HOUR_MS)
      yield 'rest'
      files.setReadable(log.path, true)
      yield 'rest'
      files.create(`${log.path}.1`, log.lines(5))
      files.setReadable(`${log.path}.1`, false)
      yield 'rest'
      clock.advanceMs(HOUR_MS)
      files.setReadable(`${log.path}.1`, true)
    },
  },
  {
    name: 'hard-link',
    claim: 'a log with two names is one source',
    naive: { path: 'loses and doubles', inode: 'right' },
    *acts({ files }, log) {
      yield* logging(log, 10)
      files.link(log.path, `${log.path}-second`)
      yield 'rest'
      yield* logging(log, 10)
      yield 'rest'
      files.unlink(log.path)
      yield* logging(log, 10)
      yield 'rest'
      log.reopen()
      yield* logging(log, 10)
    },
  },
  {
    name: 'new-device',
    claim: 'another number of the device, as after a boot, makes no log a new one',
    naive: { path: 'loses', inode: 'doubles' },
    *acts({ files }, log) {
      yield* logging(log, 15)
      yield 'rest'
      files.device = '2081'
      yield 'rest'
      yield* logging(log, 15)
    },
  },
  {
    name: 'stale-handle',
    claim: 'handles that a server of files forgot are taken anew',
    naive: { path: 'loses', inode: 'right' },
    *acts({ files }, log) {
      for (let round = 0; round < 4; round += 1) {
        yield* logging(log, 8)
        files.makeStale(log.path)
        yield 'look'
      }
    },
  },
  {
    name: 'names-swapped',
    claim: 'two logs that swap their names are both read on',
    naive: { path: 'loses and doubles', inode: 'right' },
    *acts(world, log) {
      const other = world.log(`${log.path.slice(LOGS.length + 1)}-other`)
      for (let round = 0; round < 3; round += 1) {
        yield* logging(log, 8)
        yield* logging(other, 14)
        yield 'rest'
        world.files.rename(log.path, `${log.path}-x`)
        yield 'on'
        world.files.rename(other.path, log.path)
        yield 'on'
        world.files.rename(`${log.path}-x`, other.path)
        yield 'look'
      }
    },
  },
  {
    name: 'becomes-a-log',
    claim: 'a file that holds no event at first is read from its first event on',
    naive: { path: 'right', inode: 'right' },
    *acts({ files }, log) {
      files.create(log.path, '')
      yield 'rest'
      files.append(log.path, '\n')
      yield 'rest'
      files.append(log.path, `${JSON.stringify({ note: 'another tool wrote here' })}\n`)
      yield 'rest'
      yield* logging(log, 12)
      yield 'rest'
      yield* logging(log, 12)
    },
  },
  {
    name: 'plain-becomes-gzip',
    claim:
      'an archive under the name of the log it was made of adds nothing, and what follows is read',
    naive: { path: 'loses and doubles', inode: 'doubles' },
    *acts({ files }, log) {
      yield* logging(log, 25)
      yield 'rest'
      files.create(log.path, gzipSync(files.content(log.path)))
      log.reopen()
      yield 'rest'
      files.unlink(log.path)
      yield* logging(log, 25)
    },
  },
  {
    name: 'long-line',
    claim: 'a line longer than a read, written in pieces, is stored whole',
    naive: { path: 'loses', inode: 'right' },
    *acts(world, log) {
      yield* logging(log, 3)
      const line = world.line('sensor-1', true)
      for (const part of pieces(line, 7)) {
        log.write(part)
        yield 'look'
      }
      log.write('\n')
      yield* logging(log, 3)
    },
  },
  {
    name: 'folder-away',
    claim: 'a folder that is away for a while is read on when it is back',
    naive: { path: 'loses and doubles', inode: 'right' },
    *acts(world, log) {
      const { files, clock } = world
      const base = log.path.slice(LOGS.length + 1)
      files.makeFolder(`${LOGS}/${base}.d`)
      const inner = world.log(`${base}.d/cowrie.json`)
      yield* logging(inner, 10)
      yield 'rest'
      files.rename(`${LOGS}/${base}.d`, `/${base}.away`)
      yield 'rest'
      clock.advanceMs(HOUR_MS)
      yield 'rest'
      yield* logging(inner, 10)
      files.rename(`/${base}.away`, `${LOGS}/${base}.d`)
      yield 'rest'
      yield* logging(inner, 10)
    },
  },
]

/** So many files of one to three lines, of which every seventeenth grows in the end. */
export function manyFiles(count: number): Play {
  return {
    name: 'many-files',
    claim: 'many small files are read, and those among them that grow are found',
    naive: { path: 'right', inode: 'right' },
    *acts({ files }, log) {
      for (let i = 0; i < count; i += 1) {
        files.append(`${log.path}-${i}`, log.lines(1 + (i % 3)))
        if (i % (count / 3) === 0) yield 'look'
      }
      yield 'rest'
      for (let i = 0; i < count; i += 17) files.append(`${log.path}-${i}`, log.lines(2))
    },
  }
}

export function playNamed(name: string): Play {
  const play = PLAYS.find((one) => one.name === name)
  if (play === undefined) throw new Error(`There is no play "${name}".`)
  return play
}

/** Logs so many events, some at a time, with looks between. */
function* logging(log: CowrieLog, count: number): Acts {
  const { random } = log.world
  for (let done = 0; done < count; ) {
    const some = Math.min(count - done, random.between(1, 10))
    done += some
    if (random.chance(0.2)) {
      log.beginLine()
      yield random.chance(0.5) ? 'look' : 'on'
      log.endLine()
    }
    log.log(some)
    yield random.chance(0.4) ? 'look' : 'on'
  }
}

/** `gzip FILE`: the archive grows beside the file, which goes when it is whole. */
function* compress({ files }: World, path: string, to: string): Acts {
  for (const part of pieces(gzipSync(files.content(path)), 3)) {
    files.append(to, part)
    yield 'on'
  }
  files.unlink(path)
  yield 'look'
}

/** As logrotate does it with `rotate 4`, `compress` and `delaycompress`. */
function* shift(world: World, log: CowrieLog): Acts {
  const { files } = world
  const { path } = log
  if (files.has(`${path}.4.gz`)) files.unlink(`${path}.4.gz`)
  for (const i of [3, 2]) {
    if (files.has(`${path}.${i}.gz`)) files.rename(`${path}.${i}.gz`, `${path}.${i + 1}.gz`)
    yield 'on'
  }
  if (files.has(`${path}.1`)) yield* compress(world, `${path}.1`, `${path}.2.gz`)
  files.rename(path, `${path}.1`)
  yield 'look'
}

/** Cuts into so many pieces of about the same length, at any byte. */
function pieces<T extends string | Buffer>(whole: T, count: number): Buffer[] {
  const bytes = Buffer.from(whole)
  const size = Math.ceil(bytes.length / count)
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * size, (i + 1) * size)).filter(
    (part) => part.length > 0,
  )
}

/** Blanks are added to, or lines are taken from, the text until it is as long as the model. */
function padded(text: string, model: string): string {
  const length = Buffer.byteLength(model)
  let lines = text.split('\n').slice(0, -1)
  while (Buffer.byteLength(`${lines.join('\n')}\n`) > length) lines = lines.slice(0, -1)
  const kept = `${lines.join('\n')}\n`
  return `${kept.slice(0, -1) + ' '.repeat(length - Buffer.byteLength(kept))}\n`
}
