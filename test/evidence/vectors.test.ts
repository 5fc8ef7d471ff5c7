/** The vectors of the page of the format, by the program and by the stand-alone verifier. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { toHex } from '../../src/core/bytes.ts'
import { inclusionProof, rootOfProof } from '../../src/core/merkle.ts'
import { alone, filesOf, packed } from '../support/evidence.ts'

const PAGE = readFileSync(new URL('../../docs/evidence.md', import.meta.url), 'utf8')
const VECTORS = JSON.parse(/<!-- vectors -->\s+```json\n([\s\S]*?)```/.exec(PAGE)![1]!) as {
  leaves: string[]
  root: string
  proofs: { index: number; proof: string[] }[]
  zip: string
}

test('proofs of inclusion are those of the page', () => {
  const leaves = VECTORS.leaves.map((one) => Buffer.from(one, 'hex'))
  assert.deepEqual(
    leaves.map((_, n) => toHex(alone.blake3(Uint8Array.of(n)))),
    VECTORS.leaves,
  )
  for (const { index, proof } of VECTORS.proofs) {
    assert.deepEqual(inclusionProof(leaves, index).map(toHex), proof)
    const hashes = proof.map((one) => Buffer.from(one, 'hex'))
    assert.equal(toHex(rootOfProof(leaves[index]!, index, 5, hashes)!), VECTORS.root)
    assert.equal(
      toHex(alone.rootFrom(leaves[index]!, index, 5, proof, 'record', 'Line')),
      VECTORS.root,
    )
  }
})

test('a zip is packed as on the page', () => {
  const files = [{ name: 'records/000001.bin', bytes: Buffer.from('x\n') }]
  assert.equal(packed(files).toString('hex'), VECTORS.zip)
  assert.deepEqual(
    filesOf(Buffer.from(VECTORS.zip, 'hex')).map(({ name, bytes }) => [name, toHex(bytes)]),
    [['records/000001.bin', '780a']],
  )
})
