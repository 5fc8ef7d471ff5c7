import type { Migration } from './migration.ts'

const TABLES = ['alert_channels', 'alert_marks', 'alerts']

/** Frozen: never edited once released, and it imports no code that can change. */
export const migration: Migration = {
  id: 5,
  name: 'alerts',
  reason:
    'What was told to people must be remembered, so that it is told once and not at every look.',

  up: {
    sqlite: [
      `create table alerts (
         id             integer primary key,
         kind           text    not null,
         subject        text    not null,
         state          text    not null check (state in ('open', 'acknowledged', 'resolved')),
         severity       text    not null,
         first_at_us    integer not null,
         last_at_us     integer not null,
         seen           integer not null,
         missed         integer not null,
         occurrences    integer not null,
         figure         integer not null,
         threshold      integer not null,
         sentence       text    not null,
         notified_at_us integer not null,
         deliveries     text    not null,
         unique (kind, subject)
       ) strict`,
      `create table alert_marks (
         name  text    primary key,
         value integer not null,
         at_us integer not null
       ) strict, without rowid`,
      `create table alert_channels (
         channel    text primary key,
         sent       text not null,
         suppressed text not null
       ) strict, without rowid`,
    ],
    postgres: [
      `create table alerts (
         id             bigint not null primary key,
         kind           text collate "C" not null,
         subject        text collate "C" not null,
         state          text collate "C" not null check (state in ('open', 'acknowledged', 'resolved')),
         severity       text collate "C" not null,
         first_at_us    bigint not null,
         last_at_us     bigint not null,
         seen           bigint not null,
         missed         bigint not null,
         occurrences    bigint not null,
         figure         bigint not null,
         threshold      bigint not null,
         sentence       text collate "C" not null,
         notified_at_us bigint not null,
         deliveries     text collate "C" not null,
         unique (kind, subject)
       )`,
      `create table alert_marks (
         name  text collate "C" not null primary key,
         value bigint not null,
         at_us bigint not null
       )`,
      `create table alert_channels (
         channel    text collate "C" not null primary key,
         sent       text collate "C" not null,
         suppressed text collate "C" not null
       )`,
    ],
  },

  down: {
    sqlite: TABLES.map((table) => `drop table ${table}`),
    postgres: TABLES.map((table) => `drop table ${table}`),
  },
}
