/** Who may import whom: the walls between the folders of `src/`. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const SRC = join(import.meta.dirname, '../../src')

/** Stages of the pipeline; each knows the vocabulary, the limits and itself. */
const STAGES = ['source', 'decode', 'validate', 'neutralize', 'review', 'seal', 'summarize']

type Import = {
  /** File of `src/` that imports, and the line. */
  readonly from: string
  readonly line: number
  /** File of `src/` that is imported; a package is left out. */
  readonly to: string
  readonly isTypeOnly: boolean
}

type SourceFile = { readonly path: string; readonly text: string; readonly code: string }

const FILES: readonly SourceFile[] = globSync('**/*.ts', { cwd: SRC })
  .map((path) => path.replaceAll('\\', '/'))
  .sort()
  .map((path) => {
    const text = readFileSync(join(SRC, path), 'utf8')
    return { path, text, code: withoutComments(text) }
  })

const IMPORTS: readonly Import[] = FILES.flatMap(importsOf)

/** Blanks comments that fill lines or end them; what stands in a string before `//` stays. */
function withoutComments(text: string): string {
  const blank = (found: string): string => found.replace(/[^\n]/g, ' ')
  return text.replace(/^[ \t]*\/\*[\s\S]*?\*\//gm, blank).replace(/(?:^|\s)\/\/ .*$/gm, blank)
}

function importsOf({ path, code }: SourceFile): Import[] {
  const found: Import[] = []
  const patterns = [
    /\b(?:import|export)\s+(type\s+)?(?:[\w*{}\s,$]+?\s+from\s+)?'(\.[^']+)'/g,
    /\bimport\((\s*)'(\.[^']+)'/g,
    /\bnew URL\((\s*)[`'](\.[^`']+?\.)(?:ts|js|\$\{)/g,
  ]
  for (const pattern of patterns) {
    for (const match of code.matchAll(pattern)) {
      const to = posix.join(dirname(path), match[2]!)
      const names = match[0]
      const isTypeOnly = match[1]?.startsWith('type') === true || hasOnlyTypes(names)
      found.push({ from: path, line: lineOf(code, match.index), to, isTypeOnly })
    }
  }
  return found
}

/** `import { type A, type B } from` imports types alone. */
function hasOnlyTypes(statement: string): boolean {
  const names = /\{([^}]*)\}/.exec(statement)?.[1]?.split(',') ?? ['']
  return names.every((name) => name.trim() === '' || name.trim().startsWith('type '))
    ? /\{[^}]*\btype\b/.test(statement)
    : false
}

function lineOf(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}

function folderOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : path
}

/** Imports that a rule does not allow, as a person looks them up. */
function broken(
  isMeant: (one: Import) => boolean,
  isAllowed: (one: Import) => boolean,
): readonly string[] {
  return IMPORTS.filter((one) => isMeant(one) && !isAllowed(one)).map(
    ({ from, line, to }) => `src/${from}:${line} imports src/${to}`,
  )
}

/** Lines of code that match, as a person looks them up. */
function linesWith(
  pattern: RegExp,
  isMeant: (path: string) => boolean,
  isAllowed: (path: string) => boolean,
): readonly string[] {
  return FILES.filter(({ path }) => isMeant(path) && !isAllowed(path)).flatMap(({ path, code }) =>
    code
      .split('\n')
      .flatMap((line, i) => (pattern.test(line) ? [`src/${path}:${i + 1} ${line.trim()}`] : [])),
  )
}

const isVocabulary = (to: string): boolean => folderOf(to) === 'core' || to === 'limits.ts'

test('imports are found, also dynamic ones and those over several lines', () => {
  assert.ok(IMPORTS.length > 150)
  for (const { from, line, to } of IMPORTS.filter((one) => one.to.endsWith('.ts'))) {
    assert.ok(
      FILES.some((file) => file.path === to),
      `src/${from}:${line} imports src/${to}, which is not there`,
    )
  }
  const sample = importsOf({
    path: 'cli/a.ts',
    text: '',
    code: "import {\n  a,\n  type B,\n} from '../core/a.ts'\nconst c = await import('./c.ts')\nimport { type D } from './d.ts'",
  })
  assert.deepEqual(
    sample.map(({ to, isTypeOnly }) => [to, isTypeOnly]),
    [
      ['core/a.ts', false],
      ['cli/d.ts', true],
      ['cli/c.ts', false],
    ],
  )
})

describe('the walls', () => {
  test('core imports nothing of ours', () => {
    assert.deepEqual(
      broken(
        (one) => folderOf(one.from) === 'core',
        (one) => folderOf(one.to) === 'core',
      ),
      [],
    )
  })

  test('limits import nothing', () => {
    assert.deepEqual(
      broken(
        (one) => one.from === 'limits.ts',
        () => false,
      ),
      [],
    )
  })

  for (const stage of STAGES) {
    test(`${stage} imports core, limits and its own folder`, () => {
      assert.deepEqual(
        broken(
          (one) => folderOf(one.from) === stage,
          (one) => isVocabulary(one.to) || folderOf(one.to) === stage,
        ),
        [],
      )
    })
  }

  test('the store imports core, limits and its own folder', () => {
    assert.deepEqual(
      broken(
        (one) => folderOf(one.from) === 'store',
        (one) => isVocabulary(one.to) || folderOf(one.to) === 'store',
      ),
      [],
    )
  })

  test('only the folder of an engine and the wiring import that engine', () => {
    assert.deepEqual(
      broken(
        (one) => /^store\/(?:sqlite|postgres)\//.test(one.to),
        (one) => dirname(one.from) === dirname(one.to) || folderOf(one.from) === 'cli',
      ),
      [],
    )
  })

  test('outputs import core, limits, the visible form and their own folder', () => {
    assert.deepEqual(
      broken(
        (one) => folderOf(one.from) === 'output',
        (one) =>
          isVocabulary(one.to) ||
          folderOf(one.to) === 'output' ||
          one.to === 'neutralize/visible.ts',
      ),
      [],
    )
  })

  test('reports import core, limits, outputs, and of the store the types of its port', () => {
    assert.deepEqual(
      broken(
        (one) => folderOf(one.from) === 'report',
        (one) =>
          isVocabulary(one.to) ||
          ['report', 'output'].includes(folderOf(one.to)) ||
          (one.to === 'store/port.ts' && one.isTypeOnly),
      ),
      [],
    )
  })

  test('anomaly detection imports core, limits, and of the store the types of its port', () => {
    assert.deepEqual(
      broken(
        (one) => folderOf(one.from) === 'anomaly',
        (one) =>
          isVocabulary(one.to) ||
          folderOf(one.to) === 'anomaly' ||
          (one.to === 'store/port.ts' && one.isTypeOnly),
      ),
      [],
    )
  })

  test('alerts import core, limits, outputs, and of the store the types of its port', () => {
    assert.deepEqual(
      broken(
        (one) => folderOf(one.from) === 'alert',
        (one) =>
          isVocabulary(one.to) ||
          ['alert', 'output'].includes(folderOf(one.to)) ||
          (one.to === 'store/port.ts' && one.isTypeOnly),
      ),
      [],
    )
  })

  test('places import core, limits, the visible form, and of the store the types of its port', () => {
    assert.deepEqual(
      broken(
        (one) => folderOf(one.from) === 'geo',
        (one) =>
          isVocabulary(one.to) ||
          folderOf(one.to) === 'geo' ||
          one.to === 'neutralize/visible.ts' ||
          (one.to === 'store/port.ts' && one.isTypeOnly),
      ),
      [],
    )
  })

  test('the pipeline imports stages, and of the store types alone', () => {
    assert.deepEqual(
      broken(
        (one) => folderOf(one.from) === 'pipeline',
        (one) =>
          isVocabulary(one.to) ||
          [...STAGES, 'pipeline'].includes(folderOf(one.to)) ||
          (/^store\/[\w-]+\.ts$/.test(one.to) && one.isTypeOnly),
      ),
      [],
    )
  })

  test('the dashboard imports what answers and decides, and of the store the port and its questions', () => {
    assert.deepEqual(
      broken(
        (one) => folderOf(one.from) === 'web',
        (one) =>
          isVocabulary(one.to) ||
          ['web', 'output', 'report', 'replay', 'pipeline', 'review', 'seal', 'evidence'].includes(
            folderOf(one.to),
          ) ||
          one.to === 'neutralize/visible.ts' ||
          one.to === 'telemetry/loaders.ts' ||
          one.to === 'alert/index.ts' ||
          one.to === 'anomaly/index.ts' ||
          one.to.startsWith('store/repo/') ||
          one.isTypeOnly,
      ),
      [],
    )
  })

  test('evidence imports core, limits, seal, outputs, what opens sealed bytes, and of the store types and questions', () => {
    assert.deepEqual(
      broken(
        (one) => folderOf(one.from) === 'evidence',
        (one) =>
          isVocabulary(one.to) ||
          ['evidence', 'seal', 'output'].includes(folderOf(one.to)) ||
          ['neutralize/visible.ts', 'pipeline/sealed-bytes.ts', 'pipeline/evidence.ts'].includes(
            one.to,
          ) ||
          one.to.startsWith('store/repo/') ||
          (/^store\/[\w-]+\.ts$/.test(one.to) && one.isTypeOnly),
      ),
      [],
    )
  })

  test('terminal replays import core, limits, the visible form and their own folder', () => {
    assert.deepEqual(
      broken(
        (one) => folderOf(one.from) === 'replay',
        (one) =>
          isVocabulary(one.to) ||
          folderOf(one.to) === 'replay' ||
          one.to === 'neutralize/visible.ts',
      ),
      [],
    )
  })

  test('redaction imports core, limits, and of the store the types of its port', () => {
    assert.deepEqual(
      broken(
        (one) => folderOf(one.from) === 'redact',
        (one) =>
          isVocabulary(one.to) ||
          folderOf(one.to) === 'redact' ||
          (one.to === 'store/port.ts' && one.isTypeOnly),
      ),
      [],
    )
  })

  test('only the command line reads the configuration', () => {
    assert.deepEqual(
      broken(
        (one) => folderOf(one.to) === 'config',
        (one) => ['cli', 'config'].includes(folderOf(one.from)),
      ),
      [],
    )
  })

  test('nothing imports the command line', () => {
    assert.deepEqual(
      broken(
        (one) => folderOf(one.to) === 'cli',
        (one) => folderOf(one.from) === 'cli',
      ),
      [],
    )
  })

  test('the generator of synthetic logs shares no code with what it tests', () => {
    assert.deepEqual(
      broken(
        (one) => folderOf(one.from) === 'synth',
        (one) => folderOf(one.to) === 'synth',
      ),
      [],
    )
  })
})

describe('words and calls', () => {
  test('the engines are named by the store, the configuration and the wiring alone', () => {
    assert.deepEqual(
      linesWith(
        /sqlite|postgres/i,
        // Lists of account names that attackers try hold those of database servers.
        (path) => !['synth/credentials.ts', 'redact/common.ts'].includes(path),
        (path) => ['store', 'config', 'cli'].includes(folderOf(path)),
      ),
      [],
    )
  })

  test('an engine is not named by the parts of the store that all engines share', () => {
    assert.deepEqual(
      linesWith(
        /postgres|sqlite/i,
        (path) => /^store\/(?:repo\/|[\w-]+\.ts$)/.test(path),
        () => false,
      ),
      [],
    )
  })

  test('text of an attacker is exposed in neutralize, seal and evidence alone', () => {
    assert.deepEqual(
      linesWith(
        /\.expose\(/,
        () => true,
        (path) => ['neutralize', 'seal', 'evidence'].includes(folderOf(path)),
      ),
      [],
    )
  })

  test('stages and core ask neither clock nor chance nor environment', () => {
    assert.deepEqual(
      linesWith(
        /\bDate\.now\(|new Date\(\)|\bprocess\.env\b|\bMath\.random\(|\brandomBytes\(|performance\.now\(/,
        (path) => [...STAGES, 'core', 'report', 'alert', 'anomaly', 'geo'].includes(folderOf(path)),
        // Decides when other work has its turn, and no answer.
        (path) => path === 'core/turn.ts',
      ),
      [],
    )
  })
})

test('properties of tests draw from one seed', () => {
  const folder = fileURLToPath(new URL('../', import.meta.url))
  const drawing = globSync('**/*.ts', { cwd: folder }).filter((path) =>
    /^import .* from 'fast-check'/m.test(readFileSync(join(folder, path), 'utf8')),
  )
  assert.deepEqual(drawing, [join('support', 'property.ts')])
})
