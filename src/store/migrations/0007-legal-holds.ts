import type { Migration } from './migration.ts'

/** Frozen: never edited once released, and it imports no code that can change. */
export const migration: Migration = {
  id: 7,
  name: 'legal holds',
  reason: 'Holds that keep evidence from being deleted.',

  up: {
    sqlite: [
      `create table legal_holds (
         id           integer primary key,
         sensor       text    not null,
         session      text    not null,
         source       text    not null,
         from_us      integer,
         until_us     integer,
         released_seq integer not null
       ) strict`,
      ...['insert', 'update', 'delete'].map(
        (act) => `create trigger legal_holds_no_${act} before ${act} on legal_holds
                when (select is_open from audit_door) = 0
                begin select raise(abort, 'NACRE: legal_holds is sealed; changes go through the journal'); end`,
      ),
    ],
    postgres: [
      `create table legal_holds (
         id           bigint not null primary key,
         sensor       text collate "C" not null,
         session      text collate "C" not null,
         source       text collate "C" not null,
         from_us      bigint,
         until_us     bigint,
         released_seq bigint not null
       )`,
      `create trigger legal_holds_sealed before insert or update or delete on legal_holds
         for each row execute function nacre_refuse()`,
      `create trigger legal_holds_stays before truncate on legal_holds
         for each statement execute function nacre_refuse()`,
    ],
  },

  down: { sqlite: [`drop table legal_holds`], postgres: [`drop table legal_holds`] },
}
