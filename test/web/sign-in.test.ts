/** Coming in, staying in, being sent out. */
import assert from 'node:assert/strict'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { verifyStore } from '../../src/pipeline/verify.ts'
import { Accounts, OneTimeCode } from '../../src/web/accounts.ts'
import { localPath } from '../../src/web/guard.ts'
import { Tries, TriesOfUser } from '../../src/web/tries.ts'
import { eachEngine } from '../support/engines.ts'
import { VERIFY_ALL } from '../support/loading.ts'
import {
  addUser,
  journalOf,
  PASSWORD,
  personWith,
  signedIn,
  stranger,
  testClock,
  type WebLab,
  withDashboard,
} from '../support/web.ts'

const enter = async (lab: WebLab, name: string, password: string, next = '') =>
  (await stranger(lab)).post('/sign-in', { name, password, next })

const cookieOf = (found: { cookies: { name: string; value: string }[] }) =>
  found.cookies.find((one) => one.name === 'nacre')?.value

describe('signing in', () => {
  test('gives a cookie that scripts, other sites and other paths do not get', async () => {
    await withDashboard(async (lab) => {
      await addUser(lab, 'anna', 'viewer')
      const found = await enter(lab, 'anna', PASSWORD)
      assert.equal(found.statusCode, 303)
      assert.equal(found.headers.location, '/')
      const header = String(found.headers['set-cookie'])
      assert.match(header, /^nacre=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/)
    })
  })

  test('gives a cookie that never leaves TLS, where there is TLS', async () => {
    await withDashboard(
      async (lab) => {
        await addUser(lab, 'anna', 'viewer')
        const nobody = personWith(lab.server, '', '', '')
        const page = await nobody.get('/invited')
        const form = page.cookies[0]!
        assert.equal(form.name, '__Host-nacre-form')
        const person = personWith(lab.server, '', `${form.name}=${form.value}`, form.value)
        const found = await person.post(
          '/sign-in',
          { name: 'anna', password: PASSWORD },
          { origin: 'https://127.0.0.1:8622' },
        )
        assert.equal(found.statusCode, 303)
        const header = String(found.headers['set-cookie'])
        assert.match(header, /^__Host-nacre=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Strict$/)
        assert.match(String(found.headers['strict-transport-security']), /max-age=31536000/)
      },
      { options: { isSecure: true } },
    )
  })

  test('ends a cookie that was there before, and takes none that somebody else chose', async () => {
    await withDashboard(async (lab) => {
      const anna = await addUser(lab, 'anna', 'viewer')
      const before = signedIn(lab, anna)
      const form = await stranger(lab)
      const chosen = 'c'.repeat(43)
      for (const cookie of [before.cookie, `nacre=${chosen}`]) {
        const person = personWith(
          lab.server,
          '',
          `${cookie}; ${form.cookie}`,
          cookie === before.cookie ? before.csrf : form.csrf,
        )
        const found = await person.post('/sign-in', { name: 'anna', password: PASSWORD })
        assert.equal(found.statusCode, 303)
        assert.notEqual(`nacre=${cookieOf(found)}`, cookie)
        const again = personWith(lab.server, '', cookie, '')
        assert.match(String((await again.get('/settings')).headers.location), /^\/sign-in/)
      }
    })
  })

  test('says the same of a wrong password and of a name that nobody has', async () => {
    await withDashboard(async (lab) => {
      await addUser(lab, 'anna', 'viewer')
      const pages = await Promise.all(
        ['anna', 'nobody', '"><script>alert(1)</script>'].map((name) =>
          enter(lab, name, 'wrong password'),
        ),
      )
      const plain = pages.map(({ body }) => body.replaceAll(/name="csrf" value="[^"]*"/g, ''))
      assert.deepEqual([...new Set(plain)].length, 1)
      assert.ok(pages.every(({ statusCode }) => statusCode === 401))
      assert.match(plain[0]!, /do not fit/)
    })
  })

  test('asks for the form of this browser', async () => {
    await withDashboard(async (lab) => {
      await addUser(lab, 'anna', 'viewer')
      const [one, other] = [await stranger(lab), await stranger(lab)]
      const mixed = personWith(lab.server, '', one.cookie, other.csrf)
      const found = await mixed.post('/sign-in', { name: 'anna', password: PASSWORD })
      assert.equal(found.statusCode, 403)
    })
  })

  test('leads to where one wanted to go, and to no other server', () => {
    for (const [next, expected] of [
      ['/sessions?sensor=a', '/sessions?sensor=a'],
      ['/reports/../users', '/users'],
      [undefined, '/'],
      ['', '/'],
      ['//evil.example', '/'],
      ['///evil.example', '/'],
      ['/\\evil.example', '/'],
      ['/a\\..\\evil', '/'],
      ['\\\\evil.example', '/'],
      ['https://evil.example/', '/'],
      ['javascript:alert(1)', '/'],
      ['/x\r\nSet-Cookie: a=b', '/'],
      ['/\t/evil.example', '/'],
      ['/..//evil.example', '/'],
      ['/sign-in?next=/x', '/'],
      ['/sign-out', '/'],
      [`/${'x'.repeat(2_000)}`, '/'],
    ] as const)
      assert.equal(localPath(next), expected, String(next))
  })

  test('keeps the way from the page one came from', async () => {
    await withDashboard(async (lab) => {
      await addUser(lab, 'anna', 'viewer')
      const nobody = personWith(lab.server, '', '', '')
      const sent = await nobody.get('/settings?x=1&y=%0d%0a')
      assert.equal(sent.headers.location, '/sign-in?next=%2Fsettings%3Fx%3D1%26y%3D%250d%250a')
      const found = await enter(lab, 'anna', PASSWORD, '/settings?x=1')
      assert.equal(found.headers.location, '/settings?x=1')
      assert.equal((await enter(lab, 'anna', PASSWORD, '//evil.example')).headers.location, '/')
    })
  })
})

describe('tries', () => {
  test('wait longer each time, and another one is not asked for a password meanwhile', async () => {
    await withDashboard(async (lab) => {
      await addUser(lab, 'anna', 'viewer')
      for (let i = 0; i < 5; i += 1)
        assert.equal((await enter(lab, 'anna', 'wrong password')).statusCode, 401)
      const early = await enter(lab, 'anna', PASSWORD)
      assert.equal(early.statusCode, 429)
      assert.equal(early.headers['retry-after'], '2')
      lab.clock.advanceS(2)
      assert.equal((await enter(lab, 'anna', 'wrong password')).statusCode, 401)
      assert.equal((await enter(lab, 'anna', PASSWORD)).headers['retry-after'], '4')
      lab.clock.advanceS(4)
      assert.equal((await enter(lab, 'anna', PASSWORD)).statusCode, 303)
    })
  })

  test('double their wait up to a bound, are forgotten after an hour, and fill no memory', () => {
    const clock = testClock()
    const tries = new Tries(() => clock.nowUs, 3, 60)
    const waits = Array.from({ length: 12 }, () => {
      tries.failed('a')
      return tries.waitS('a')
    })
    assert.deepEqual(waits, [0, 0, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60])
    clock.advanceS(3_600)
    tries.failed('a')
    assert.equal(tries.waitS('a'), 0)
    for (let i = 0; i < 3; i += 1) tries.failed('b')
    for (let i = 0; i < 6_000; i += 1) tries.failed(`address ${i}`)
    assert.equal(tries.waitS('b'), 0)
  })

  test('of one user from everywhere wait too', async () => {
    await withDashboard(
      async (lab) => {
        await addUser(lab, 'anna', 'viewer')
        const from = async (address: string, password: string) =>
          (await stranger(lab)).post(
            '/sign-in',
            { name: 'anna', password },
            { 'x-forwarded-for': address },
          )
        for (let i = 0; i < 10; i += 1)
          assert.equal((await from(`192.0.2.${i}`, 'wrong password')).statusCode, 401)
        assert.equal((await from('198.51.100.1', PASSWORD)).statusCode, 429)
      },
      { options: { trustedProxies: ['127.0.0.1'] } },
    )
  })

  test('of strangers do not keep a user out of where they came in within 30 days', async () => {
    await withDashboard(
      async (lab) => {
        await addUser(lab, 'anna', 'viewer')
        const from = async (address: string, password: string) =>
          (
            await (
              await stranger(lab)
            ).post('/sign-in', { name: 'anna', password }, { 'x-forwarded-for': address })
          ).statusCode
        const guess = async (): Promise<void> => {
          for (let i = 0; i < 10; i += 1)
            assert.equal(await from(`192.0.2.${i}`, 'wrong password'), 401)
        }
        assert.equal(await from('198.51.100.1', PASSWORD), 303)
        await guess()
        assert.equal(await from('198.51.100.1', PASSWORD), 303)
        // Having come in there opens no other place.
        assert.equal(await from('198.51.100.2', PASSWORD), 429)
        // Where they usually sit nobody may guess more than anywhere else.
        for (let i = 0; i < 5; i += 1)
          assert.equal(await from('198.51.100.1', 'wrong password'), 401)
        assert.equal(await from('198.51.100.1', PASSWORD), 429)
        lab.clock.advanceS(30 * 86_400)
        await guess()
        assert.equal(await from('198.51.100.1', PASSWORD), 429)
      },
      { options: { trustedProxies: ['127.0.0.1'] } },
    )
  })

  test('know no more usual addresses of a user than the last ones', () => {
    const clock = testClock()
    const tries = new TriesOfUser(() => clock.nowUs)
    for (let i = 0; i <= 20; i += 1) tries.passed('anna', `address ${i}`)
    for (let i = 0; i < 11; i += 1) tries.failed('anna', 'elsewhere')
    assert.ok(tries.waitS('anna', 'address 0') > 0)
    assert.equal(tries.waitS('anna', 'address 1'), 0)
    assert.equal(tries.waitS('anna', 'address 20'), 0)
  })

  test('are not told apart by an address that anybody may write', async () => {
    await withDashboard(async (lab) => {
      await addUser(lab, 'anna', 'viewer')
      let last = 0
      for (let i = 0; i < 6; i += 1) {
        const found = await (await stranger(lab)).post(
          '/sign-in',
          { name: `user${i}`, password: 'wrong password' },
          { 'x-forwarded-for': `192.0.2.${i}` },
        )
        last = found.statusCode
      }
      assert.equal(last, 429)
    })
  })
})

describe('a sign-in', () => {
  const isIn = async (person: { get(url: string): Promise<{ statusCode: number }> }) =>
    (await person.get('/settings')).statusCode === 200

  test('ends after an hour without a request, and after half a day in any case', async () => {
    await withDashboard(async (lab) => {
      const anna = await lab.person('viewer')
      lab.clock.advanceS(3_599)
      assert.ok(await isIn(anna))
      lab.clock.advanceS(3_600)
      assert.ok(!(await isIn(anna)))
      const bert = await lab.person('viewer', 'bert')
      for (let i = 0; i < 12; i += 1) {
        assert.ok(await isIn(bert))
        lab.clock.advanceS(3_599)
      }
      lab.clock.advanceS(12)
      assert.ok(!(await isIn(bert)))
    })
  })

  test('ends with the role, the password, the right to be here, and the user', async () => {
    await withDashboard(async (lab) => {
      await lab.person('admin')
      const { accounts } = lab.desk
      const changes = {
        role: (name: string) => accounts.setRole('test', name, 'evidence'),
        invited: (name: string) => accounts.invite('test', name),
        disabled: (name: string) => accounts.setDisabled('test', name, true),
        removed: (name: string) => accounts.remove('test', name),
      }
      for (const [name, change] of Object.entries(changes)) {
        const person = await lab.person('viewer', name)
        assert.ok(await isIn(person))
        await change(name)
        assert.ok(!(await isIn(person)), name)
      }
    })
  })

  test('ends when another process changes the file of accounts', async () => {
    await withDashboard(async (lab) => {
      await lab.person('admin')
      const anna = await lab.person('viewer', 'anna')
      const other = new Accounts(
        join(lab.folder, 'web'),
        () => lab.clock.nowUs,
        async () => {},
      )
      await other.setDisabled('elsewhere', 'anna', true)
      assert.ok(!(await isIn(anna)))
    })
  })

  test('ends by signing out, for the cookie and not for the browser alone', async () => {
    await withDashboard(async (lab) => {
      const anna = await lab.person('viewer', 'anna')
      const found = await anna.post('/sign-out')
      assert.equal(found.headers.location, '/sign-in')
      assert.match(String(found.headers['set-cookie']), /^nacre=; Max-Age=0; Path=\//)
      assert.ok(!(await isIn(anna)))
    })
  })

  test('gives way to newer ones: one user does not keep the others out', async () => {
    await withDashboard(async (lab) => {
      const user = await addUser(lab, 'anna', 'viewer')
      const bert = await lab.person('viewer', 'bert')
      const all = Array.from({ length: 25 }, () => signedIn(lab, user))
      assert.equal(lab.desk.signIns.size, 21)
      assert.ok(!(await isIn(all[4]!)))
      assert.ok(await isIn(all[5]!))
      assert.ok(await isIn(bert))
    })
  })
})

describe('the first user', () => {
  const fields = (code: string, more = {}) => ({
    code,
    name: 'anna',
    password: PASSWORD,
    again: PASSWORD,
    ...more,
  })

  test('is made with the link of the first start, once', async () => {
    const clock = testClock()
    const firstCode = new OneTimeCode(() => clock.nowUs)
    await withDashboard(
      async (lab) => {
        const nobody = await stranger(lab)
        assert.equal((await nobody.get('/')).headers.location, '/first')
        assert.equal((await nobody.get('/sign-in')).headers.location, '/first')
        const wrong = await nobody.post('/first', fields('w'.repeat(32)))
        assert.equal(wrong.statusCode, 400)
        assert.match(wrong.body, /used, too old, or not whole/)
        const weak = await nobody.post('/first', fields(firstCode.code, { password: 'short' }))
        assert.equal(weak.statusCode, 400)
        const done = await Promise.all([
          nobody.post('/first', fields(firstCode.code)),
          nobody.post('/first', fields(firstCode.code, { name: 'mallory' })),
        ])
        assert.deepEqual(done.map((one) => one.statusCode).sort(), [303, 400])
        assert.equal(lab.desk.accounts.users().length, 1)
        assert.equal(lab.desk.accounts.users()[0]!.role, 'admin')
        await lab.desk.accounts.add('test', 'zoe', 'viewer')
        assert.equal((await nobody.post('/first', fields(firstCode.code))).statusCode, 400)
        assert.equal((await nobody.get('/first')).headers.location, '/sign-in')
      },
      { options: { firstCode } },
    )
  })

  test('is not made a quarter of an hour later, and not without a link', async () => {
    const clock = testClock()
    const firstCode = new OneTimeCode(() => clock.nowUs)
    clock.advanceS(900)
    for (const options of [{ firstCode }, {}]) {
      await withDashboard(
        async (lab) => {
          const found = await (await stranger(lab)).post('/first', fields(firstCode.code))
          assert.equal(found.statusCode, 400)
          assert.deepEqual(lab.desk.accounts.users(), [])
        },
        { options },
      )
    }
  })
})

describe('an invitation', () => {
  test('is good once, and for three days', async () => {
    await withDashboard(async (lab) => {
      const admin = await lab.person('admin')
      const page = await admin.post('/users', { name: 'bert', role: 'analyst' })
      const code = /invited#([\w-]{32})/.exec(page.body)![1]!
      assert.doesNotMatch((await admin.get('/users')).body, new RegExp(code))
      const accept = async () =>
        (await stranger(lab)).post('/invited', { code, password: PASSWORD, again: PASSWORD })
      assert.equal((await accept()).statusCode, 303)
      assert.equal((await accept()).statusCode, 400)
      const late = await lab.desk.accounts.invite('test', 'bert')
      assert.equal((await enter(lab, 'bert', PASSWORD)).statusCode, 401)
      lab.clock.advanceS(3 * 86_400)
      assert.equal(lab.desk.accounts.invited(late), undefined)
    })
  })

  test('takes no password that is short, usual, or the name', async () => {
    await withDashboard(async (lab) => {
      const code = await lab.desk.accounts.add('test', 'annamaria', 'viewer')
      for (const password of [
        'elevenchars',
        'password1234',
        'Password 1234',
        'aaaaaaaaaaaaaaaa',
        'annamaria-nacre',
        'x'.repeat(300),
      ]) {
        const found = await (await stranger(lab)).post('/invited', {
          code,
          password,
          again: password,
        })
        assert.equal(found.statusCode, 400, password)
        assert.match(found.body, /The password /)
      }
      const other = await (await stranger(lab)).post('/invited', {
        code,
        password: PASSWORD,
        again: 'x',
      })
      assert.match(other.body, /not the same/)
    })
  })
})

describe('the last admin', () => {
  test('cannot be made less, kept out or removed', async () => {
    await withDashboard(async (lab) => {
      const admin = await lab.person('admin', 'anna')
      for (const [word, fields] of [
        ['role', { role: 'viewer' }],
        ['disable', {}],
        ['remove', {}],
      ] as const) {
        const found = await admin.post(`/users/anna/${word}`, fields)
        assert.equal(found.statusCode, 409, word)
        assert.match(found.body, /ACCOUNT_LAST_ADMIN/)
      }
    })
  })
})

describe('the file of accounts', () => {
  test('is for its owner alone, and holds no password, cookie, code or token', async () => {
    await withDashboard(async (lab) => {
      const anna = await lab.person('admin', 'anna')
      const code = await lab.desk.accounts.add('test', 'bert', 'viewer')
      const { text } = await lab.desk.accounts.addToken('anna', {
        user: 'anna',
        name: 'x',
        rights: ['view'],
        days: 1,
      })
      const path = join(lab.folder, 'web', 'accounts.json')
      assert.equal(statSync(path).mode & 0o777, 0o600)
      const file = readFileSync(path, 'utf8')
      for (const secret of [PASSWORD, code, anna.cookie.slice(6), anna.csrf, text.slice(-43)])
        assert.ok(!file.includes(secret))
      assert.match(file, /"algorithm": "scrypt",\s+"cost": 32768/)
    })
  })

  test('that is damaged lets nobody in, and says so', async () => {
    await withDashboard(async (lab) => {
      const anna = await lab.person('admin', 'anna')
      for (const damage of ['{', '{"version":2}', '{"version":1,"users":[{}],"tokens":[]}']) {
        writeFileSync(join(lab.folder, 'web', 'accounts.json'), damage)
        const found = await anna.get('/settings')
        assert.equal(found.statusCode, 503)
        assert.match(found.body, /ACCOUNT_UNREADABLE/)
        assert.doesNotMatch(found.body, /csrf/)
      }
      assert.equal((await anna.get('/healthz')).statusCode, 503)
    })
  })

  test('is changed by one at a time, and loses nothing by that', async () => {
    await withDashboard(async (lab) => {
      const others = [1, 2, 3].map(
        () =>
          new Accounts(
            join(lab.folder, 'web'),
            () => lab.clock.nowUs,
            async () => {},
          ),
      )
      await Promise.all(
        others.flatMap((accounts, i) =>
          [0, 1, 2].map((n) => accounts.add('test', `user-${i}-${n}`, 'viewer')),
        ),
      )
      assert.equal(lab.desk.accounts.users().length, 9)
    })
  })
})

eachEngine((engine) => {
  test('the journal keeps who came in and who was changed, and verifies', async () => {
    await withDashboard(
      async (lab) => {
        const admin = await lab.person('admin', 'anna')
        await admin.post('/users', { name: 'bert', role: 'viewer' })
        await admin.post('/users/bert/role', { role: 'evidence' })
        await admin.post('/users/bert/disable')
        await admin.post('/users/bert/remove')
        await enter(lab, 'anna', PASSWORD)
        for (let i = 0; i < 4; i += 1) await enter(lab, 'anna', 'wrong password')
        await admin.post('/sign-out')
        lab.clock.advanceS(600)
        await lab.desk.failures.tell()
        assert.deepEqual((await journalOf(lab.store)).slice(-10), [
          'test user.added user anna',
          'anna@dashboard user.password-set user anna',
          'anna@dashboard user.added user bert',
          'anna@dashboard user.role-set user bert',
          'anna@dashboard user.disabled user bert',
          'anna@dashboard user.removed user bert',
          'anna@dashboard sign-in.begun dashboard',
          'nacre serve sign-in.failed dashboard',
          'anna@dashboard sign-in.ended dashboard',
          'nacre serve sign-in.failed dashboard',
        ])
        const last = await lab.store.query
          .selectFrom('audit_log')
          .select('detail')
          .orderBy('seq', 'desc')
          .executeTakeFirstOrThrow()
        assert.deepEqual(JSON.parse(last.detail), {
          count: 3,
          users: 'anna',
          addresses: '127.0.0.1',
        })
        const verdict = await verifyStore(lab.store.reads(), VERIFY_ALL)
        assert.deepEqual(verdict.journal, { ok: true, problems: [] })
      },
      { engine },
    )
  })

  test('an account is not changed where the journal cannot be written, and people still come in', async () => {
    await withDashboard(
      async (lab) => {
        const admin = await lab.person('admin', 'anna')
        lab.store.journal = async () => {
          throw new Error('the disk is full')
        }
        const found = await admin.post('/users', { name: 'bert', role: 'viewer' })
        assert.equal(found.statusCode, 500)
        assert.equal(lab.desk.accounts.user('bert'), undefined)
        assert.equal((await enter(lab, 'anna', PASSWORD)).statusCode, 303)
        assert.ok(lab.notes.some((note) => note.includes('journal could not be written')))
      },
      { engine },
    )
  })
})
