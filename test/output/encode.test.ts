import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Context } from '../../src/core/encoded.ts'
import { Encoded } from '../../src/core/encoded.ts'
import { HostileText, type SafeText } from '../../src/core/text.ts'
import { fromVisible, toVisible } from '../../src/neutralize/visible.ts'
import { encodeCsv } from '../../src/output/encode/csv.ts'
import { encodeHtml, html } from '../../src/output/encode/html.ts'
import { encodeJson, escapeJson, json } from '../../src/output/encode/json.ts'
import { encodeLog, encodeLogKey } from '../../src/output/encode/log.ts'
import { encodeMail, encodeMailHeader, foldBody, mail } from '../../src/output/encode/mail.ts'
import { encodeMarkdown } from '../../src/output/encode/markdown.ts'
import { encodePrompt } from '../../src/output/encode/prompt.ts'
import { encodeStix } from '../../src/output/encode/stix.ts'
import { encodeTerminal, terminal } from '../../src/output/encode/terminal.ts'
import { cpuMs } from '../support/cost.ts'
import { fc } from '../support/property.ts'

// Nothing that a line of text cannot bear, for any context.
const NO_CONTROL =
  /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]*$/u
const NO_RTL =
  /^[^\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}]*$/u

const ENCODERS: Readonly<
  Record<
    Context,
    {
      readonly encode: (text: string) => Encoded
      readonly alphabet: readonly RegExp[]
      readonly factor: number
    }
  >
> = {
  terminal: {
    encode: encodeTerminal,
    alphabet: [NO_CONTROL, NO_RTL, /^(?!.*\p{M}{4})/u],
    factor: 12,
  },
  html: {
    encode: encodeHtml,
    alphabet: [NO_CONTROL, /^<bdi>[^<>"'`]*<\/bdi>$/, /^(?:[^&]|&#\d+;)*$/],
    factor: 12,
  },
  csv: { encode: encodeCsv, alphabet: [NO_CONTROL, /^(?:""|"'(?:[^"]|"")*")$/], factor: 12 },
  markdown: {
    encode: encodeMarkdown,
    alphabet: [NO_CONTROL, NO_RTL, /^(?:`[^`|]+`|&#(?:96|124);)*$/],
    factor: 14,
  },
  json: {
    encode: encodeJson,
    alphabet: [
      /^"(?:[\x20\x21\x23-\x25\x28-\x3b\x3d\x3f-\x5b\x5d-\x7e]|\\["\\]|\\u[0-9a-f]{4})*"$/,
    ],
    factor: 14,
  },
  log: {
    encode: encodeLog,
    alphabet: [/^"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\.)*"$/, /^(?!.*[$%#{]\{)/],
    factor: 14,
  },
  mail: { encode: encodeMail, alphabet: [/^(?:[\x20-\x3c\x3e-\x7e]|=[0-9A-F]{2})*$/], factor: 14 },
  'mail-header': {
    encode: encodeMailHeader,
    alphabet: [/^=\?UTF-8\?B\?[A-Za-z0-9+/=]*\?=(?:\r\n =\?UTF-8\?B\?[A-Za-z0-9+/=]*\?=)*$/],
    factor: 14,
  },
  stix: { encode: encodeStix, alphabet: [NO_CONTROL, /^'(?:[^'\\]|\\['\\])*'$/], factor: 24 },
  prompt: {
    encode: encodePrompt,
    alphabet: [/^"(?:[!#-%'-;=?-_a-~]|\\["\\]|\\u[0-9a-f]{4})*"$/],
    factor: 24,
  },
}

const ATTACK = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({
    unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
    maxLength: 60,
  }),
  fc
    .array(
      fc.constantFrom(
        ...[
          '\\',
          '`',
          '|',
          '"',
          "'",
          '=',
          ';',
          '<',
          '&',
          '@',
          '#',
          '.',
          ':',
          '/',
          '[',
          ']',
          '{',
          '$',
          ' ',
          '\n',
          '\r',
          '\u001b[31m',
        ],
        ...[
          'http',
          'evil.example',
          '192.0.2.7',
          '2001:db8::7',
          '-',
          'www.',
          'u{1B}',
          '\u05d0',
          '\u0301',
          '\u202e',
          '\ud800',
          'a',
          'From ',
        ],
      ),
      { maxLength: 40 },
    )
    .map((parts) => parts.join('')),
)

describe('for any string,', () => {
  for (const [context, { encode, alphabet, factor }] of Object.entries(ENCODERS)) {
    test(`text for ${context} stays within its alphabet and a bounded length`, () => {
      fc.assert(
        fc.property(ATTACK, (text) => {
          const encoded = encode(text)
          assert.ok(encoded instanceof Encoded)
          assert.equal(encoded.context, context)
          for (const pattern of alphabet) assert.match(encoded.text, pattern)
          assert.ok(encoded.text.length <= text.length * factor + 64)
        }),
        { numRuns: 1_000 },
      )
    })
  }

  test('a mail body has short lines, and none that means something to a server or mailbox', () => {
    fc.assert(
      fc.property(fc.array(ATTACK), (texts) => {
        const body = foldBody(mail.join(texts.map(encodeMail), '\n')).text
        for (const line of body.split('\r\n')) {
          assert.ok(line.length <= 76)
          assert.doesNotMatch(line, /^(?:\.|From |--)|[ \t]$|[\r\n]/)
        }
        const decoded = Buffer.from(
          body
            .replace(/=\r\n/g, '')
            .replace(/=([0-9A-F]{2})/g, (_, hex: string) =>
              String.fromCharCode(Number.parseInt(hex, 16)),
            ),
          'latin1',
        ).toString()
        assert.deepEqual(decoded.split('\r\n').length, Math.max(1, texts.length) + 1)
      }),
    )
  })

  test('a key of a log is a word', () => {
    fc.assert(
      fc.property(ATTACK, (text) => assert.match(encodeLogKey(text).text, /^[A-Za-z0-9_-]+$/)),
    )
  })
})

test('what machines read comes back exactly', () => {
  fc.assert(
    fc.property(ATTACK, (text) => {
      const safe = toVisible(text)
      assert.equal(JSON.parse(encodeJson(safe).text), safe)
      assert.equal(encodeStix(safe).text.slice(1, -1).replace(/\\(.)/gs, '$1'), safe)
    }),
  )
})

test('a JSON document is escaped without a change of its value', () => {
  fc.assert(
    fc.property(fc.dictionary(ATTACK, ATTACK), (value) => {
      const text = escapeJson(JSON.stringify(value))
      assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)))
      assert.match(text, NO_CONTROL)
    }),
  )
})

test('a text in visible form is not made visible twice', () => {
  for (const encode of [encodeTerminal, encodeMarkdown])
    assert.ok(encode(toVisible('\u001b typed \\u{1B}')).text.includes('\\u{1B} typed \\\\u{1B}'))
})

test('hostile text is exposed by no print, and encoded from its visible form', () => {
  const hostile = new HostileText('a\u001b[2Jb')
  assert.equal(
    `${hostile} ${JSON.stringify([hostile])}`,
    '[hostile text withheld] ["[hostile text withheld]"]',
  )
  assert.equal(terminal`x ${hostile}`.text, 'x a\\u{1B}[2Jb')
})

test('a template takes its own literals, encodes data, and refuses text for another context', () => {
  const name = '<b>' as SafeText // as if from the store
  assert.equal(html`<p>${name} ${3}</p>`.text, '<p><bdi>&#60;b&#62;</bdi> 3</p>')
  assert.equal(html`<p>${html`<i>${name}</i>`}</p>`.text, '<p><i><bdi>&#60;b&#62;</bdi></i></p>')
  // @ts-expect-error a plain string says not where it comes from
  assert.equal(json`[${'a'}]`.text, '["a"]')
  // @ts-expect-error text for a terminal is not text for HTML
  assert.throws(() => html`${terminal.own('x')}`, TypeError)
})

test('long adversarial text is encoded in linear time', () => {
  const floods = [
    '\\',
    '\\\u05d0',
    '`',
    '|',
    ';"',
    'a.',
    '1.',
    ':',
    'http://',
    'a@',
    'a\u0301',
    '\u0301',
    "'",
    '=',
    ' ',
    'a',
    '-',
    '\u001b',
    '[',
    'ms-',
  ]
  for (const flood of floods) {
    const text = flood.repeat(Math.ceil(200_000 / flood.length))
    for (const { encode } of Object.values(ENCODERS)) {
      const ms = cpuMs(() => {
        encode(text)
        fromVisible(toVisible(`${text}\u001b`))
      })
      assert.ok(ms < 1_500, `${JSON.stringify(flood)}: ${ms} ms`)
    }
  }
})
