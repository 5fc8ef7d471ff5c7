/** There is one way for text to leave the program: through an encoder, to the one place that prints. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const SRC = join(import.meta.dirname, '../../src')
const FILES = globSync('**/*.ts', { cwd: SRC })
  .map((path) => path.replaceAll('\\', '/'))
  .sort()

/** Lines of code that match, in files that are not allowed to. */
function linesWith(pattern: RegExp, allowed: (path: string) => boolean): readonly string[] {
  return FILES.filter((path) => !allowed(path)).flatMap((path) =>
    readFileSync(join(SRC, path), 'utf8')
      .split('\n')
      .flatMap((line, i) =>
        pattern.test(line.replace(/\/\/.*|^\s*\*.*/, ''))
          ? [`src/${path}:${i + 1} ${line.trim()}`]
          : [],
      ),
  )
}

test('one file prints', () => {
  const printing =
    /\bprocess\.std(?:out|err)\.(?:write|end)|\bconsole\.\w+\(|\bprocess\.emitWarning|\bwriteSync\([12],/
  assert.deepEqual(
    linesWith(printing, (path) => path === 'cli/output.ts'),
    [],
  )
  assert.ok(linesWith(printing, () => false).length > 0)
})

test('encoders and the layout of terminal text alone vouch for encoded text', () => {
  const vouching = /\bEncoded\.vouch\(|\bas (?:unknown as )?(?:Encoded\b|TerminalText\b)/
  assert.deepEqual(
    linesWith(
      vouching,
      (path) =>
        ['core/terminal.ts', 'output/composer.ts', 'output/render/mail.ts'].includes(path) ||
        path.startsWith('output/encode/'),
    ),
    [],
  )
})

test('text is called safe where it is made visible, cut or redacted, where the store is read, and where a list lost its type', () => {
  assert.deepEqual(
    linesWith(
      /\bas (?:unknown as )?(?:SafeText|SessionRecord|EventRecord|EventField)\b/,
      (path) =>
        [
          'core/event.ts',
          'core/text.ts',
          'neutralize/visible.ts',
          'report/document.ts',
          'output/probe.ts',
          'redact/redactor.ts',
        ].includes(path) || path.startsWith('store/repo/'),
    ),
    [],
  )
})

test('a colour is written by one file, and no other escape at all', () => {
  assert.deepEqual(
    linesWith(
      /\\u001b|\\x1b|\\u\{1b\}/i,
      // Detectors and oracles only look for one.
      (path) =>
        ['core/terminal.ts', 'cli/output.ts', 'neutralize/pii/detector.ts'].includes(path) ||
        path.startsWith('synth/') ||
        path.startsWith('output/oracle/'),
    ),
    [],
  )
})
