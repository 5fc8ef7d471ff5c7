import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { withoutPassword } from '../../src/config/settings.ts'
import { describeAddress, readAddress, tlsTries } from '../../src/store/postgres/address.ts'

describe('a store URL', () => {
  test('names host, port, user, password, database and schema', () => {
    const address = readAddress(
      'postgres://al%40ice:s%3Acret@db.example:6543/honey?schema=pot&connect_timeout=5',
      {},
    )
    assert.equal(address.user, 'al@ice')
    assert.equal(address.password, 's:cret')
    assert.equal(address.host, 'db.example')
    assert.equal(address.port, 6543)
    assert.equal(address.database, 'honey')
    assert.equal(address.schema, 'pot')
    assert.equal(address.connectTimeoutMs, 5_000)
  })

  test('takes what it leaves open from the environment of libpq', () => {
    const address = readAddress('postgres://', {
      PGHOST: '/run/pg',
      PGPORT: '5433',
      PGUSER: 'bob',
      PGPASSWORD: 'pw',
      PGDATABASE: 'logs',
      PGSSLMODE: 'disable',
      PGOPTIONS: '-c work_mem=8MB',
    })
    assert.deepEqual(
      [address.host, address.port, address.user, address.password, address.database, address.tls],
      ['/run/pg', 5433, 'bob', 'pw', 'logs', 'disable'],
    )
    assert.equal(address.options, '-c work_mem=8MB')
  })

  test('goes before the environment', () => {
    const address = readAddress('postgresql://carol@[::1]/mine?sslmode=require', {
      PGHOST: 'elsewhere',
      PGUSER: 'bob',
      PGDATABASE: 'logs',
      PGSSLMODE: 'disable',
    })
    assert.deepEqual(
      [address.host, address.user, address.database, address.tls],
      ['::1', 'carol', 'mine', 'require'],
    )
  })

  test('with a slip in it is refused, and the message holds no password', () => {
    for (const url of [
      'postgres://u:topsecret@h/d?sslmod=require',
      'postgres://u:topsecret@h/d?sslmode=sometimes',
      'postgres://u:topsecret@h:99999/d',
      'postgres://u:topsecret@h/d?schema=a;drop',
      'postgres://u:topsecret@h/d?connect_timeout=soon',
      'postgres:u:topsecret@h',
      'postgres://u:topsecret%@h/d%zz',
    ]) {
      assert.throws(
        () => readAddress(url, {}),
        (error: Error & { code?: string; hint?: string }) =>
          error.code === 'STORE_BAD_ADDRESS' &&
          !`${error.message} ${error.hint} ${error.stack}`.includes('topsecret'),
        url,
      )
    }
  })

  test('is described without its password', () => {
    const url = 'postgres://u:topsecret@h:5432/d?schema=s'
    assert.equal(describeAddress(readAddress(url, {})), 'postgres://u@h:5432/d?schema=s')
    assert.doesNotMatch(String(withoutPassword(url)), /topsecret/)
    assert.doesNotMatch(String(withoutPassword('postgres://h/d?password=topsecret')), /topsecret/)
    assert.doesNotMatch(String(withoutPassword('postgres://u:to@psecret@h/d')), /psecret/)
    assert.equal(withoutPassword('sqlite:/srv/a:b@c/x'), 'sqlite:/srv/a:b@c/x')
  })
})

describe('a TLS mode', () => {
  const tries = (mode: string, extra = '') =>
    tlsTries(readAddress(`postgres://u@db.example/d?sslmode=${mode}${extra}`, {}))

  test('disable connects in the clear, and so does a socket', () => {
    assert.deepEqual(tries('disable'), [undefined])
    assert.deepEqual(tlsTries(readAddress('postgres:///d', { PGHOST: '/run/pg' })), [undefined])
  })

  test('prefer tries TLS and then the clear, allow the other way round', () => {
    assert.deepEqual(tries('prefer'), [{ rejectUnauthorized: false }, undefined])
    assert.deepEqual(tries('allow'), [undefined, { rejectUnauthorized: false }])
  })

  test('require never goes in the clear, and checks the chain where there is a root certificate', (t) => {
    assert.deepEqual(tries('require'), [{ rejectUnauthorized: false }])
    const folder = mkdtempSync(join(tmpdir(), 'nacre-tls-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    writeFileSync(join(folder, 'root.crt'), 'a certificate')
    const [only, ...more] = tries('require', `&sslrootcert=${join(folder, 'root.crt')}`)
    assert.deepEqual(more, [])
    assert.equal((only as { rejectUnauthorized: boolean }).rejectUnauthorized, true)
    assert.equal((only as { ca: string }).ca, 'a certificate')
  })

  test('verify-full checks the name too, verify-ca does not', () => {
    const [full] = tries('verify-full') as { servername?: string; rejectUnauthorized?: boolean }[]
    assert.equal(full!.rejectUnauthorized, true)
    assert.equal(full!.servername, 'db.example')
    const [ca] = tries('verify-ca') as { checkServerIdentity?: () => unknown }[]
    assert.equal(ca!.checkServerIdentity?.(), undefined)
  })

  test('with a certificate file that cannot be read is refused', () => {
    assert.throws(() => tries('verify-full', '&sslrootcert=/nothing/here.crt'), {
      code: 'STORE_BAD_ADDRESS',
    })
  })
})
