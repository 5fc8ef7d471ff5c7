/** The record of a session, asked for from its page: for those with the right, with a reason, in the journal. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { legalHolds } from '../../src/store/repo/holds.ts'
import { eachEngine } from '../support/engines.ts'
import { bothSay, optionsOf, privateKey, recipient } from '../support/evidence.ts'
import { event, Lab, lines } from '../support/loading.ts'
import { journalOf, testDashboard, testOptions, testParts } from '../support/web.ts'

const SESSION = 'a1b2c3d4e5f6'
const HOSTILE = '<img src=x onerror=alert(1)>\u001b]0;x\u0007'

async function stage({ detectors = '' } = {}) {
  const lab = await Lab.open()
  await lab.store.review.addRecipientKey(recipient, 0)
  lab.write('cowrie.json', lines([event({ session: SESSION, input: HOSTILE })]))
  await lab.load({ recipient })
  const dashboard = await testDashboard(
    testParts(lab.store, lab.folder, undefined, {
      openAgain: () => lab.openAgain(),
      settings: [{ name: 'pii.detectors', value: detectors, origin: 'file', meaning: '' }],
      privateKeys: async () => new Map([[privateKey.keyId, privateKey]]),
      evidence: async (store, who) => optionsOf(store, who),
    }),
    testOptions(lab.folder),
  )
  const { sensor } = await lab.store.query
    .selectFrom('sensors')
    .select('name as sensor')
    .executeTakeFirstOrThrow()
  return {
    ...dashboard,
    lab,
    path: `/sessions/${encodeURIComponent(sensor)}/${SESSION}`,
    async [Symbol.asyncDispose]() {
      await dashboard.server.close()
      await lab[Symbol.asyncDispose]()
    },
  }
}

eachEngine(() => {
  test('a package is saved, both verifiers find that it holds, and the journal names who asked', async () => {
    await using web = await stage()
    const ada = await web.person('evidence', 'ada')
    assert.match((await ada.get(web.path)).body, /Save the package/)
    const saved = await ada.post(`${web.path}/evidence`, { reason: 'case 7' })
    assert.equal(saved.statusCode, 200)
    assert.match(String(saved.headers['content-disposition']), /evidence-a1b2c3d4e5f6\.zip/)
    const found = await bothSay(saved.rawPayload)
    assert.ok(found.ok, found.problems.join(' '))
    assert.equal(found.alone.records, 1)
    assert.ok(
      (await journalOf(web.lab.store)).some((one) => /^ada@dashboard evidence\.exp/.test(one)),
    )
  })

  test('an original is shown in its visible form, with a reason alone', async () => {
    await using web = await stage()
    const ada = await web.person('admin', 'ada')
    const without = await ada.post(`${web.path}/reveal`, { event: '1', reason: ' ' })
    assert.equal(without.statusCode, 400)
    const shown = await ada.post(`${web.path}/reveal`, { event: '1', reason: 'case 7' })
    assert.equal(shown.statusCode, 200)
    assert.doesNotMatch(shown.body, /<img|\u001b/)
    assert.match(shown.body, /onerror/)
    assert.equal(
      (await ada.post(`${web.path}/reveal`, { event: '9', reason: 'x' })).statusCode,
      404,
    )
  })

  test('what is wrong with a form is told beside its field, and what was typed is kept', async () => {
    await using web = await stage()
    const ada = await web.person('evidence', 'ada')
    for (const act of ['evidence', 'reveal', 'hold']) {
      const blank = await ada.post(`${web.path}/${act}`, { reason: ' ', event: '7' })
      assert.equal(blank.statusCode, 400, act)
      assert.match(blank.body, /<details class="pop" open>/)
      assert.match(blank.body, /name="reason"[^>]*aria-invalid="true"/)
      assert.match(blank.body, /name="event"[^>]*value="7"/)
      assert.match(blank.body, /<title>Session a1b2c3d4e5f6 /)
    }
    for (const event of ['7', '0', 'last', '']) {
      const none = await ada.post(`${web.path}/reveal`, { reason: 'case 7', event })
      assert.equal(none.statusCode, 404, event)
      assert.match(none.body, /name="event"[^>]*aria-invalid="true"/)
      assert.match(none.body, />case 7<\/textarea>/)
    }
    assert.deepEqual(await legalHolds(web.lab.store.query), [])
  })

  test('a hold is put on a session', async () => {
    await using web = await stage()
    const ada = await web.person('evidence', 'ada')
    assert.equal((await ada.post(`${web.path}/hold`, { reason: 'case 7' })).statusCode, 303)
    const holds = await legalHolds(web.lab.store.query)
    assert.deepEqual(
      holds.map(({ session, reason }) => [session, reason]),
      [[SESSION, 'case 7']],
    )
    const page = await (await web.person('viewer')).get(web.path)
    assert.match(page.body, /On legal hold<.*>case 7</)
  })

  test('where personal data is kept out of the view, hashes of lines are for those who may see evidence', async () => {
    await using web = await stage({ detectors: 'card' })
    const place = '?batch=1&record=0'
    const eve = await web.person('analyst', 'eve')
    const ada = await web.person('evidence', 'ada')
    for (const path of ['/integrity/proof', '/integrity/proof.json', '/api/v1/integrity/proof']) {
      const refused = await eve.get(path + place)
      assert.equal(refused.statusCode, 403, path)
      assert.doesNotMatch(refused.body, /[0-9a-f]{64}/)
      assert.equal((await ada.get(path + place)).statusCode, 200, path)
    }
  })

  test('others see no button and are refused', async () => {
    await using web = await stage()
    const eve = await web.person('analyst', 'eve')
    assert.doesNotMatch((await eve.get(web.path)).body, /Save the package/)
    for (const act of ['evidence', 'reveal', 'hold']) {
      const answer = await eve.post(`${web.path}/${act}`, { reason: 'curious', event: '1' })
      assert.equal(answer.statusCode, 403, act)
    }
    assert.deepEqual(await legalHolds(web.lab.store.query), [])
  })
})
