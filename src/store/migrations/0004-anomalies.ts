import type { Migration } from './migration.ts'

/** Frozen: never edited once released, and it imports no code that can change. */
export const migration: Migration = {
  id: 4,
  name: 'anomalies',
  reason: 'What the live stream is like by hour, what was odd about it, and what reviewers said.',

  up: {
    sqlite: [
      `create table activity_hours (
         sensor_id integer not null,
         hour      integer not null,
         metric    text    not null,
         value     integer not null,
         primary key (sensor_id, hour, metric)
       ) strict, without rowid`,
      `create table anomalies (
         id            integer primary key,
         detector      text    not null,
         sensor_id     integer not null,
         hour          integer not null,
         severity      text    not null check (severity in ('alarm', 'notice')),
         first_seen_us integer not null,
         last_seen_us  integer not null,
         figure        integer not null,
         baseline      integer not null,
         spread        integer not null,
         samples       integer not null,
         basis         text    not null,
         score         integer not null,
         threshold     integer not null,
         evidence      text    not null,
         state         text    not null check (state in ('new', 'confirmed', 'false')),
         decided_by    text,
         decided_at_us integer,
         reason        text,
         unique (detector, sensor_id, hour, severity)
       ) strict`,
      // What nobody has decided on is asked for every minute; notices would be read with it for ever.
      `create index anomalies_open on anomalies (state, severity, hour)`,
      `create table detectors (
         detector       text    not null,
         sensor_id      integer not null,
         factor_percent integer not null,
         primary key (detector, sensor_id)
       ) strict, without rowid`,
    ],
    postgres: [
      `create table activity_hours (
         sensor_id bigint not null,
         hour      bigint not null,
         metric    text collate "C" not null,
         value     bigint not null,
         primary key (sensor_id, hour, metric)
       )`,
      `create table anomalies (
         id            bigint not null primary key,
         detector      text collate "C" not null,
         sensor_id     bigint not null,
         hour          bigint not null,
         severity      text collate "C" not null check (severity in ('alarm', 'notice')),
         first_seen_us bigint not null,
         last_seen_us  bigint not null,
         figure        bigint not null,
         baseline      bigint not null,
         spread        bigint not null,
         samples       bigint not null,
         basis         text collate "C" not null,
         score         bigint not null,
         threshold     bigint not null,
         evidence      text collate "C" not null,
         state         text collate "C" not null check (state in ('new', 'confirmed', 'false')),
         decided_by    text collate "C",
         decided_at_us bigint,
         reason        text collate "C",
         unique (detector, sensor_id, hour, severity)
       )`,
      `create sequence anomalies_ids`,
      `create index anomalies_open on anomalies (state, severity, hour)`,
      `create table detectors (
         detector       text collate "C" not null,
         sensor_id      bigint not null,
         factor_percent bigint not null,
         primary key (detector, sensor_id)
       )`,
    ],
  },

  down: {
    sqlite: [`drop table activity_hours`, `drop table anomalies`, `drop table detectors`],
    postgres: [
      `drop table activity_hours`,
      `drop table anomalies`,
      `drop table detectors`,
      `drop sequence anomalies_ids`,
    ],
  },
}
