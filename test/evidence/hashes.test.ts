/** The hashes and trees that the stand-alone verifier has of its own. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import { blake3 as noble } from '@noble/hashes/blake3.js'
import { blake3 } from '../../src/core/blake3.ts'
import { toHex } from '../../src/core/bytes.ts'
import { inclusionProof, merkleRoot, rootOfProof } from '../../src/core/merkle.ts'
import { alone } from '../support/evidence.ts'
import { fc } from '../support/property.ts'

const EDGES = [0, 1, 55, 56, 63, 64, 65, 119, 120, 1023, 1024, 1025, 2048, 2049, 3072, 65_536]

describe('the verifier', () => {
  test('has the BLAKE3 and SHA-256 of everybody, of any length', () => {
    const same = (bytes: Uint8Array): void => {
      const hash = toHex(alone.blake3(bytes))
      assert.equal(hash, toHex(blake3(bytes)))
      assert.equal(hash, toHex(noble(bytes)))
      assert.equal(toHex(alone.sha256(bytes)), createHash('sha256').update(bytes).digest('hex'))
    }
    for (const length of EDGES)
      for (const fill of [0, 0xff]) same(new Uint8Array(length).fill(fill))
    fc.assert(fc.property(fc.uint8Array({ maxLength: 9_000, size: 'max' }), same), {
      numRuns: 200,
    })
  })

  test('shows no character that hides or moves others', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        assert.doesNotMatch(alone.visible(text), /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
      }),
    )
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        assert.doesNotMatch(alone.visibleBytes(bytes), /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
      }),
    )
  })
})

describe('a proof of inclusion', () => {
  const leaves = Array.from({ length: 70 }, (_, n) => blake3(Uint8Array.of(n)))

  test('gives the root of its tree, for every leaf of trees of every size', () => {
    for (let size = 1; size <= leaves.length; size += 1) {
      const own = leaves.slice(0, size)
      const root = toHex(merkleRoot(own))
      for (let index = 0; index < size; index += 1) {
        const found = rootOfProof(own[index]!, index, size, inclusionProof(own, index))
        assert.equal(found && toHex(found), root)
      }
    }
  })

  test('fits no other place, size, leaf or length', () => {
    const own = leaves.slice(0, 21)
    const root = toHex(merkleRoot(own))
    for (const index of [0, 7, 15, 16, 19, 20]) {
      const proof = inclusionProof(own, index)
      const isRoot = (...args: Parameters<typeof rootOfProof>): boolean => {
        const found = rootOfProof(...args)
        return found !== undefined && toHex(found) === root
      }
      assert.ok(isRoot(own[index]!, index, 21, proof))
      for (let other = 0; other < 25; other += 1)
        if (other !== index) assert.ok(!isRoot(own[index]!, other, 21, proof))
      assert.ok(!isRoot(own[(index + 1) % 21]!, index, 21, proof))
      assert.ok(!isRoot(own[index]!, index, 21, proof.slice(1)))
      assert.ok(!isRoot(own[index]!, index, 21, [...proof, proof[0]!]))
      assert.ok(!isRoot(own[index]!, index, 21, proof.toReversed()))
    }
  })
})
