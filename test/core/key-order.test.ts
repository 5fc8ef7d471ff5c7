import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Json, type PlainJson, type PlainObject, printJson } from '../../src/core/json.ts'
import {
  flatKeyOrder,
  flatKeys,
  type KeyOrder,
  keyOrderOf,
  printInOrder,
} from '../../src/core/key-order.ts'
import { fc } from '../support/property.ts'

type ObjectTree = Extract<Json, { readonly kind: 'object' }>

const string = (text: string) => ({ kind: 'string', parts: [text] }) as const

/**
 * Keys that JavaScript moves to the front, that every object inherits, and any others.
 *
 * None has a backslash: after such a key V8 takes other keys with an escape for it
 * (https://github.com/nodejs/node/issues/63785), and these tests ask `JSON.parse` what an object is.
 */
const keyArbitrary = fc
  .oneof(
    fc.nat({ max: 30 }).map(String),
    fc.constantFrom('', '01', '-1', '1.5', '1e3', '4294967294', '4294967295', '9007199254740993'),
    fc.constantFrom('__proto__', 'constructor', 'toString', 'length', 'prototype'),
    fc.constantFrom(
      'a',
      'b',
      'aa',
      'A',
      'é',
      'e\u0301',
      '\u{1f600}',
      '\uff5e',
      '"',
      '\n',
      '\ud800',
    ),
    fc.string({ unit: 'binary', maxLength: 6 }),
  )
  .filter((key) => !key.includes('\\'))

const leafArbitrary = fc.oneof<fc.Arbitrary<Json>[]>(
  fc.string({ unit: 'binary', maxLength: 6 }).map(string),
  fc
    .oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
    )
    .map((value) => ({ kind: 'literal', text: JSON.stringify(value) }) as const),
)

const { object: treeArbitrary } = fc.letrec<{ readonly value: Json; readonly object: ObjectTree }>(
  (tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leafArbitrary,
      tie('object'),
      fc.array(tie('value'), { maxLength: 4 }).map((items) => ({ kind: 'array', items }) as const),
    ),
    object: fc
      .uniqueArray(fc.record({ key: keyArbitrary, value: tie('value') }), {
        maxLength: 6,
        selector: (entry) => entry.key,
      })
      .map(
        (entries) =>
          ({
            kind: 'object',
            entries: entries.map(({ key, value }) => ({ key: string(key), value })),
          }) as const,
      ),
  }),
)

const textOf = (tree: Json): string => printJson(tree, (text) => JSON.stringify(text.parts[0]))
const orderOf = (tree: Json): KeyOrder => JSON.parse(keyOrderOf(textOf(tree))) as KeyOrder

/** The tree with the entries of every object in another order. */
function reordered(tree: Json, order: (entries: ObjectTree['entries']) => ObjectTree['entries']) {
  const within = (value: Json): Json => {
    if (value.kind === 'array') return { kind: 'array', items: value.items.map(within) }
    if (value.kind !== 'object') return value
    const entries = value.entries.map((entry) => ({ key: entry.key, value: within(entry.value) }))
    return { kind: 'object', entries: order(entries) }
  }
  return within(tree)
}

/** As JSONB orders keys: by their length in bytes, then by their bytes. */
function asJsonb(entries: ObjectTree['entries']): ObjectTree['entries'] {
  const bytes = (entry: ObjectTree['entries'][number]) => Buffer.from(String(entry.key.parts[0]))
  return [...entries].sort(
    (a, b) => bytes(a).length - bytes(b).length || Buffer.compare(bytes(a), bytes(b)),
  )
}

/** Every object within a value, itself included. */
function objectsIn(value: PlainJson): Record<string, PlainJson>[] {
  if (typeof value !== 'object' || value === null) return []
  const found = Object.values(value).flatMap(objectsIn)
  return Array.isArray(value) ? found : [value as Record<string, PlainJson>, ...found]
}

function define(object: Record<string, PlainJson>, key: string, value: PlainJson): void {
  Object.defineProperty(object, key, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  })
}

describe('an order of keys', () => {
  for (const [name, order] of [
    ['reversed', (entries: ObjectTree['entries']) => [...entries].reverse()],
    ['ordered as JSONB does', asJsonb],
  ] as const) {
    test(`gives back the very text of an object whose keys were ${name}`, () => {
      fc.assert(
        fc.property(treeArbitrary, (tree) => {
          const moved = JSON.parse(textOf(reordered(tree, order))) as PlainJson
          assert.equal(printInOrder(moved, orderOf(tree)), textOf(tree))
        }),
        { numRuns: 2_000 },
      )
    })
  }

  test('does not fit an object with a key added, removed or renamed, at any depth', () => {
    fc.assert(
      fc.property(
        treeArbitrary,
        fc.nat(),
        fc.nat(),
        keyArbitrary,
        fc.constantFrom('add', 'remove', 'rename'),
        (tree, whichObject, whichKey, newKey, act) => {
          const value = JSON.parse(textOf(tree)) as PlainJson
          const objects = objectsIn(value)
          const object = objects[whichObject % objects.length]!
          const keys = Object.keys(object)
          fc.pre(act === 'remove' || !keys.includes(newKey))
          fc.pre(act === 'add' || keys.length > 0)
          const old = keys[whichKey % keys.length] ?? ''
          const held = object[old] ?? null
          if (act !== 'add') delete object[old]
          if (act !== 'remove') define(object, newKey, held)
          assert.notEqual(printInOrder(value, orderOf(tree)), textOf(tree))
        },
      ),
      { numRuns: 2_000 },
    )
  })

  test('of another object prints nothing or another text', () => {
    fc.assert(
      fc.property(treeArbitrary, treeArbitrary, (tree, other) => {
        fc.pre(keyOrderOf(textOf(tree)) !== keyOrderOf(textOf(other)))
        assert.notEqual(printInOrder(JSON.parse(textOf(tree)), orderOf(other)), textOf(tree))
      }),
      { numRuns: 2_000 },
    )
  })

  test('that stands in a damaged row prints nothing, and throws nothing', () => {
    fc.assert(
      fc.property(treeArbitrary, fc.jsonValue(), (tree, damaged) => {
        fc.pre(JSON.stringify(damaged) !== keyOrderOf(textOf(tree)))
        const printed = printInOrder(JSON.parse(textOf(tree)), damaged as KeyOrder)
        assert.notEqual(printed, textOf(tree))
      }),
      { numRuns: 2_000 },
    )
  })

  test('is the same whether it comes from the keys of a flat object or from its tree', () => {
    fc.assert(
      fc.property(treeArbitrary, (tree) => {
        // The keys of a view have no NUL.
        fc.pre(tree.entries.every((entry) => !String(entry.key.parts[0]).includes('\0')))
        const joined = flatKeys(JSON.parse(textOf(tree)) as PlainObject)
        if (joined !== undefined) assert.equal(flatKeyOrder(joined), keyOrderOf(textOf(tree)))
      }),
      { numRuns: 2_000 },
    )
  })

  test('of a flat object is asked for from its tree where JavaScript would move a key', () => {
    assert.equal(flatKeys({ b: 1, a: [1, '2'] }), 'b\0a')
    for (const view of [{}, { b: 1, 10: 1 }, { b: {} }, { b: [{}] }]) {
      assert.equal(flatKeys(view), undefined)
    }
  })

  test('of 64 levels gives back the text', () => {
    const text = `${'{"b":[{"10":1,"9":'.repeat(31)}{"b":2,"a":1}${'}]}'.repeat(31)}`
    const deep = JSON.parse(text) as PlainJson
    const tree = (value: PlainJson): Json => {
      if (typeof value === 'object' && value !== null)
        return Array.isArray(value)
          ? { kind: 'array', items: value.map(tree) }
          : {
              kind: 'object',
              entries: Object.entries(value)
                .reverse()
                .map(([key, item]) => ({ key: string(key), value: tree(item as PlainJson) })),
            }
      return { kind: 'literal', text: JSON.stringify(value) }
    }
    const original = tree(deep)
    assert.equal(printInOrder(deep, orderOf(original)), textOf(original))
  })
})
