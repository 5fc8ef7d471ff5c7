import type { Migration } from './migration.ts'

/** Frozen: never edited once released, and it imports no code that can change. */
export const migration: Migration = {
  id: 3,
  name: 'followed paths',
  reason:
    'Since when a named file is followed: what was rotated away from it since then is wanted, what lay there before is not.',

  up: {
    sqlite: [
      `create table followed_paths (
         path            text    not null,
         sensor_override text    not null,
         since_us        integer not null,
         primary key (path, sensor_override)
       ) strict, without rowid`,
      // Which lengths of starts there are is asked for each new file: of 30,000 small files there are few.
      `create index sources_head_length on sources (sensor_override, head_length)`,
    ],
    postgres: [
      `create table followed_paths (
         path            text collate "C" not null,
         sensor_override text collate "C" not null,
         since_us        bigint not null
       )`,
      // Paths are longer than an index takes.
      `create unique index followed_paths_key on followed_paths (md5(path), md5(sensor_override))`,
      // Which lengths of starts there are is asked for each new file: of 30,000 small files there are few.
      `create index sources_head_length on sources (md5(sensor_override), head_length)`,
    ],
  },

  down: {
    sqlite: [`drop table followed_paths`, `drop index sources_head_length`],
    postgres: [`drop table followed_paths`, `drop index sources_head_length`],
  },
}
