import type { Migration } from './migration.ts'

/** Frozen: never edited once released, and it imports no code that can change. */
export const migration: Migration = {
  id: 6,
  name: 'places',
  reason:
    'Where addresses are said to be, once for each address, and the operator’s files that say so.',

  up: {
    sqlite: [
      `create table address_places (
         value_id        integer primary key,
         set_id          integer not null,
         country         text,
         city            text,
         asn             integer,
         organisation    text,
         network         text,
         looked_up_at_us integer not null
       ) strict`,
      `create table geo_databases (
         set_id       integer not null,
         position     integer not null,
         set_digest   text    not null,
         digest       text    not null,
         type         text    not null,
         description  text    not null,
         facts        text    not null,
         path         text    not null,
         built_at_us  integer not null,
         loaded_at_us integer not null,
         primary key (set_id, position)
       ) strict, without rowid`,
      // Addresses are few among the values; the next ones to look up are found without the others.
      `create index values_addresses on "values" (id) where kind = 5`,
    ],

    postgres: [
      `create table address_places (
         value_id        bigint not null primary key,
         set_id          bigint not null,
         country         text collate "C",
         city            text collate "C",
         asn             bigint,
         organisation    text collate "C",
         network         text collate "C",
         looked_up_at_us bigint not null
       )`,
      `create table geo_databases (
         set_id       bigint not null,
         position     bigint not null,
         set_digest   text collate "C" not null,
         digest       text collate "C" not null,
         type         text collate "C" not null,
         description  text collate "C" not null,
         facts        text collate "C" not null,
         path         text collate "C" not null,
         built_at_us  bigint not null,
         loaded_at_us bigint not null,
         primary key (set_id, position)
       )`,
      // Addresses are few among the values; the next ones to look up are found without the others.
      `create index values_addresses on "values" (id) where kind = 5`,
    ],
  },

  down: {
    sqlite: [
      `drop index values_addresses`,
      `drop table geo_databases`,
      `drop table address_places`,
    ],
    postgres: [
      `drop index values_addresses`,
      `drop table geo_databases`,
      `drop table address_places`,
    ],
  },
}
