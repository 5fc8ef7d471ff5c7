/** The state of the record: verification, signed checkpoints, proofs. */
import { EvidenceError, OperatingError } from '../../core/errors.ts'
import { card, csrfField, emptyState, head, html, htmlHref, icon, number } from '../components.ts'
import {
  type FullProof,
  type Integrity,
  integrity,
  recordProof,
  startVerify,
  type VerifyRun,
  verifyRun,
} from '../data/integrity.ts'
import { lastVerification } from '../frame-figures.ts'
import {
  actorOf,
  badge,
  counted,
  digestText,
  doneNote,
  isoTime,
  jsonOf,
  mayReadOriginals,
  numberIn,
  olderLink,
  problemNote,
  statusOf,
  verifiedBadge,
} from '../lists.ts'
import type { Parts } from '../parts.ts'
import type { Asked, FieldSpec, Html, Reply, Route } from '../route.ts'

const WHOLE: Omit<FieldSpec, 'meaning'> = { pattern: '^[0-9]{1,15}$', charsMax: 15 }
const PROOF_QUERY: Readonly<Record<string, FieldSpec>> = {
  batch: { meaning: 'Number of the batch', ...WHOLE },
  record: { meaning: 'Number of the record within the batch, from 0', ...WHOLE },
}
const BEFORE: FieldSpec = { meaning: 'Only checkpoints with a smaller number', ...WHOLE }

const MEANINGS: Readonly<Record<string, string>> = {
  conservation: 'every byte and record has one fate',
  seals:
    'stored bytes are the bytes that were logged, batches name the one before, signatures hold',
  view: 'rows are the rows that were loaded',
  summaries: 'sessions and roll-ups are what the events say',
  journal: 'no decision was changed or taken out',
}

export const integrityRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/integrity',
    right: 'view',
    summary: 'The state of the record: verification, checkpoints, proofs',
    query: { before: BEFORE },
    async answers({ query, signedIn }, parts) {
      const found = await integrity(parts, numberIn(query['before']))
      return {
        kind: 'page',
        title: 'Integrity',
        body: integrityPage(found, signedIn),
        scripts: ['integrity'],
      }
    },
  },
  {
    method: 'POST',
    path: '/integrity/verify',
    right: 'review',
    summary: 'Verify the whole store, in a process of its own',
    async answers({ signedIn }, parts) {
      startVerify(parts, actorOf(signedIn))
      return { kind: 'redirect', to: '/integrity' }
    },
  },
  {
    method: 'GET',
    path: '/integrity/proof',
    right: 'view',
    summary: 'The proof that one record is in the signed history',
    query: PROOF_QUERY,
    answers: proofReply,
  },
  {
    method: 'GET',
    path: '/integrity/proof.json',
    right: 'view',
    summary: 'The same proof as a file',
    query: PROOF_QUERY,
    async answers(asked, parts) {
      const batch = numberIn(asked.query['batch']) ?? 0
      const record = numberIn(asked.query['record']) ?? 0
      const proof = await provenFor(asked, parts, batch, record)
      return {
        kind: 'file',
        name: `nacre-proof-${batch}-${record}.json`,
        type: 'application/json',
        content: Buffer.from(`${JSON.stringify(proof, undefined, 2)}\n`),
      }
    },
  },
  {
    method: 'GET',
    path: '/api/v1/integrity',
    right: 'view',
    summary: 'What the last verification said, and signed checkpoints, newest first',
    query: { before: BEFORE },
    answers: ({ query }, parts) => jsonOf(() => integrity(parts, numberIn(query['before']))),
  },
  {
    method: 'GET',
    path: '/api/v1/integrity/proof',
    right: 'view',
    summary:
      'The proof that one record is in the signed history; it holds hashes and no byte of a record',
    query: PROOF_QUERY,
    answers: (asked, parts) =>
      jsonOf(() =>
        provenFor(
          asked,
          parts,
          numberIn(asked.query['batch']) ?? 0,
          numberIn(asked.query['record']) ?? 0,
        ),
      ),
  },
  {
    method: 'POST',
    path: '/api/v1/integrity/verify',
    right: 'review',
    summary: 'Start a verification of the whole store; 409 where one is under way',
    async answers({ signedIn }, parts) {
      const isStarted = startVerify(parts, actorOf(signedIn))
      return {
        kind: 'json',
        status: isStarted ? 202 : 409,
        value: { started: isStarted, run: verifyRun(parts) ?? null },
      }
    },
  },
  {
    method: 'GET',
    path: '/api/v1/integrity/verify',
    right: 'view',
    summary: 'Whether a verification is under way, and what the last one said',
    async answers(_, parts) {
      return {
        kind: 'json',
        value: {
          run: verifyRun(parts) ?? null,
          verification: lastVerification(parts.statusFolder) ?? null,
        },
      }
    },
  },
]

function integrityPage(
  { verification, run, checkpoints, next }: Integrity,
  signedIn: Asked['signedIn'],
): Html {
  const isRunning = run?.isRunning === true
  const verify = signedIn.rights.has('review')
    ? html`<form method="post" action="/integrity/verify" class="tools row">${csrfField(signedIn.csrf)}<button class="btn primary" type="submit"${isRunning ? html` disabled` : html``}>${icon('check')}${isRunning ? html`Verifying…` : html`Verify now`}</button></form>`
    : html``
  return html`${head(
    html`Integrity`,
    html`Whether what is stored is what was logged. Every check reads rows and bytes, never counters.`,
    verify,
  )}
${runNote(run)}
<div class="cols">${verdictCard(verification)}${proofFormCard(undefined, undefined, html` c7`)}</div>
${checkpointsCard(checkpoints, next)}`
}

function runNote(run: VerifyRun | null): Html {
  if (run === null) return html``
  if (run.isRunning)
    return html`<p class="note" role="status" data-verifying>${icon('clock')}<span><strong>A verification is under way</strong>, started ${isoTime(run.startedAt)} by ${html.own(run.by)}. This page shows its outcome when it is done.</span></p>`
  if (run.failure === null) return html``
  return html`<p class="note failed" role="alert">${icon('alert')}<span><strong>The verification came to no verdict.</strong> ${html.own(run.failure)}</span></p>`
}

function verdictCard(verdict: Integrity['verification']): Html {
  if (verdict === null)
    return html`<section class="card c5" aria-labelledby="ve"><div class="pad vbig"><span class="pearl xl" aria-hidden="true"></span><div><h2 id="ve">Not checked yet</h2><p class="dim small">Nobody has verified this store, or the outcome was not kept. Verify it here, or with <code>nacre verify</code>.</p></div></div></section>`
  const items = verdict.sections.map(({ name, ok, problems }) => {
    const isSkipped = verdict.notChecked.includes(name)
    const shown = problems.map((text) => html`<div class="sub mono">${html.own(text)}</div>`)
    return html`<li>${icon(isSkipped ? 'pause' : ok ? 'check' : 'failed')}<div>${html.own(`${name.slice(0, 1).toUpperCase()}${name.slice(1)}`)} <span class="sub">${isSkipped ? html`not checked` : html.own(MEANINGS[name] ?? '')}</span>${html.join(shown)}</div><div class="when">${isSkipped ? html`` : ok ? html`matches` : html`<strong>${counted(problems.length, 'problem', 'problems')}</strong>`}</div></li>`
  })
  const left = verdict.notChecked.map((text) => html.own(text))
  return html`<section class="card c5 ${verdict.ok ? html`sealed` : html`alarm`}" aria-labelledby="ve"><div class="pad vbig"><span class="pearl xl ${verdict.ok ? html`is-verified` : html`is-failed`}" aria-hidden="true"></span><div><h2 id="ve">${verdict.ok ? html`Everything matches` : html`Does not match`}</h2><p class="dim small">Checked ${isoTime(verdict.last_updated)} UTC: ${counted(verdict.sources, 'source', 'sources')}, ${counted(verdict.batches, 'batch', 'batches')}, ${counted(verdict.lines, 'record', 'records')}${verdict.scope === 'all' ? html`` : html`; only ${html.own(verdict.scope)}`}.</p></div></div>
<ul class="list steps">${html.join(items)}</ul>${left.length === 0 ? html`` : html`<footer>Not checked: ${html.join(left, ', ')}.</footer>`}${verdict.ok ? html`` : html`<footer>Keep the database as it is and follow the runbook for seals that do not match.</footer>`}</section>`
}

function proofFormCard(
  batch: number | undefined,
  record: number | undefined,
  width = html``,
): Html {
  const value = (n: number | undefined): Html => (n === undefined ? html`` : html` value="${n}"`)
  return html`<section class="card${width}" aria-labelledby="pr"><header><h2 id="pr">Proof for one record</h2></header><div class="body stack"><p class="small dim">From the hash of a record up to the batch, along the chain of its source, to the checkpoint that signs it. The proof holds hashes and no byte of any record.</p><form class="row" method="get" action="/integrity/proof"><label class="field"><span>Batch</span><input name="batch" inputmode="numeric" pattern="[0-9]{1,15}" required${value(batch)}></label><label class="field"><span>Record</span><input name="record" inputmode="numeric" pattern="[0-9]{1,15}" required${value(record)}></label><button class="btn" type="submit">${icon('check')}Check</button></form><p class="help">Records count from 0 within their batch. The page of a session and of a dead letter link here with both filled in.</p></div></section>`
}

function checkpointsCard(checkpoints: Integrity['checkpoints'], next: number | null): Html {
  if (checkpoints.length === 0)
    return html`<section class="card" aria-label="Checkpoints"><h2 class="sr">Checkpoints</h2>${emptyState(html`No checkpoint yet`, html`One is signed at the end of a load, and every ten minutes while a loader follows.`)}</section>`
  const rows = checkpoints.map(
    (one) =>
      html`<tr><th scope="row" class="nowrap">${number(one.seq)}</th><td class="nowrap" data-l="Signed">${isoTime(one.madeAt)}</td><td class="num" data-l="Up to batch">${number(one.upToBatch)}</td><td class="num" data-l="Sources">${number(one.sources)}</td><td data-l="Tree head">${digestText(one.treeRoot)}</td><td class="num" data-l="Journal entries">${number(one.journalSeq)}</td><td data-l="Key"><code>${html.own(one.keyId)}</code></td></tr>`,
  )
  return card(
    'cp',
    html`Signed checkpoints`,
    html`<div class="scroll"><table class="rows cards"><caption class="sr">Signed checkpoints, newest first</caption><thead><tr><th scope="col">No.</th><th scope="col">Signed (UTC)</th><th scope="col" class="num">Up to batch</th><th scope="col" class="num">Sources</th><th scope="col">Tree head</th><th scope="col" class="num">Journal entries</th><th scope="col">Key</th></tr></thead><tbody>${html.join(rows, '\n')}</tbody></table></div>${olderLink(['integrity'], {}, next ?? undefined)}`,
    {
      meta: html`keep one elsewhere, and <code>nacre verify --checkpoint FILE</code> compares with it`,
    },
  )
}

/** @throws EvidenceError `EVIDENCE_NO_RIGHT`; LookupFailed, SealError */
async function provenFor(
  asked: Asked,
  parts: Parts,
  batch: number,
  record: number,
): Promise<FullProof> {
  if (!mayReadOriginals(asked, parts))
    throw new EvidenceError(
      'EVIDENCE_NO_RIGHT',
      'Personal data is kept out of the view, and the hash of a line can be tried with guesses.',
      { hint: 'Ask for the right to see evidence.' },
    )
  return recordProof(parts, batch, record)
}

async function proofReply(asked: Asked, parts: Parts): Promise<Reply> {
  const { query } = asked
  const batch = numberIn(query['batch'])
  const record = numberIn(query['record'])
  const top = head(html`Integrity`, html`<a href="/integrity">Verification and checkpoints</a>`)
  if (batch === undefined || record === undefined)
    return { kind: 'page', title: 'Proof', body: html`${top}${proofFormCard(batch, record)}` }
  try {
    const proof = await provenFor(asked, parts, batch, record)
    return {
      kind: 'page',
      title: `Proof of record ${record} of batch ${batch}`,
      body: html`${top}${proofCard(proof)}${proofFormCard(batch, record)}`,
    }
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error
    return {
      kind: 'page',
      title: 'Proof',
      body: html`${top}${problemNote(error)}${proofFormCard(batch, record)}`,
      status: statusOf(error),
    }
  }
}

function proofCard(proof: FullProof): Html {
  const { holds, checkpoint, chain, tree } = proof
  const isSigned = holds.signature === true && chain?.holds === true && tree?.holds === true
  const isWhole = holds.record && holds.batch && (checkpoint === null || isSigned)
  const first = proof.leaves[0]!
  const step = (does: boolean, words: Html): Html =>
    html`<li>${icon(does ? 'check' : 'failed')}<div>${words}</div><div class="when">${does ? html`holds` : html`<strong>does not hold</strong>`}</div></li>`
  const steps = [
    step(
      holds.record,
      html`The hash of the record, with ${counted(first.siblings.length, 'hash', 'hashes')} beside it, gives the root of block ${number(first.block.n)}; that block, with ${counted(first.block.siblings.length, 'hash', 'hashes')}, gives the record root of batch ${number(proof.batch)}.${proof.leavesOfRecord > 1 ? html` <span class="sub">The record is a region of ${number(proof.leavesOfRecord)} pieces; ${number(proof.leaves.length)} of them are shown.</span>` : html``}`,
    ),
    step(
      holds.batch,
      html`The digest of the batch is the one over its header, in which that root stands.`,
    ),
    ...(checkpoint === null || chain === null || tree === null
      ? []
      : [
          step(
            chain.holds,
            chain.batches === 0
              ? html`It is the newest batch of its source that the checkpoint covers.`
              : html`${counted(chain.batches, 'later batch', 'later batches')} of the source name it, each the one before.`,
          ),
          step(
            tree.holds,
            html`The end of that chain is in the tree of checkpoint ${number(checkpoint.seq)}, made anew from all batches that it covers.`,
          ),
          step(
            holds.signature === true,
            html`The signature of checkpoint ${number(checkpoint.seq)} is one of the key <code>${html.own(checkpoint.keyId)}</code>.`,
          ),
        ]),
  ]
  const said =
    checkpoint === null
      ? html`This record is in its batch. No checkpoint covers the batch yet, so nothing signed says when it was there.`
      : html`This record is in the history that was signed on ${isoTime(checkpoint.madeAt)} UTC.`
  return html`<section class="card ${isWhole ? html`sealed` : html`alarm`}" aria-labelledby="pc"><header><h2 id="pc">Record ${number(proof.record)} of batch ${number(proof.batch)}</h2>${isWhole ? verifiedBadge(checkpoint === null ? html`In its batch` : html`Signed`) : badge('failed', 'failed', html`Does not hold`)}<div class="row end"><a class="btn" href="${htmlHref(['integrity', 'proof.json'], { batch: proof.batch, record: proof.record })}" download>${icon('get')}Proof as JSON</a></div></header>
<div class="body stack">${isWhole ? doneNote(said) : html`<p class="note failed" role="alert">${icon('alert')}<span><strong>The proof does not hold.</strong> Keep the database as it is and run <code>nacre verify</code>.</span></p>`}
<div class="scroll" tabindex="0" role="group" aria-label="Way of the proof, scrolls sideways">${proofTree(proof)}</div></div>
<ul class="list steps">${html.join(steps)}</ul>
<div class="pad"><dl class="kv"><dt>Source</dt><dd><a class="mono" href="${htmlHref(['sources', proof.header.sourceUid])}">${html.own(proof.path)}</a></dd><dt>Bytes</dt><dd>${number(proof.startOffset)} to ${number(proof.endOffset)} of the decompressed stream</dd><dt>Leaf</dt><dd class="mono">${html.own(first.hash)}</dd><dt>Block root</dt><dd class="mono">${html.own(first.block.root)}</dd><dt>Record root</dt><dd class="mono">${html.own(proof.header.recordRoot)}</dd><dt>Batch digest</dt><dd class="mono">${html.own(proof.digest)}</dd>${checkpoint === null ? html`` : html`<dt>Tree head</dt><dd class="mono">${html.own(checkpoint.treeRoot)}</dd>`}</dl></div>
<footer>What it shows: these bytes were in this place when the checkpoint was signed. What it cannot show: that whoever holds the signing key did not make the whole history anew; for that, compare with a checkpoint kept elsewhere.</footer></section>`
}

/** The way from leaf to checkpoint: boxes that are computed, dashed boxes that the proof brings. */
function proofTree(proof: FullProof): Html {
  const first = proof.leaves[0]!
  const nodes: { readonly words: string; readonly beside: string | undefined }[] = [
    { words: `leaf ${first.index}`, beside: first.siblings[0] },
    { words: `block ${first.block.n}`, beside: first.block.siblings[0] },
    { words: `root ${proof.header.recordRoot.slice(0, 6)}…`, beside: undefined },
    { words: `batch ${proof.digest.slice(0, 6)}…`, beside: undefined },
  ]
  const { checkpoint } = proof
  const step = 130
  const boxes = nodes.map(
    (node, i) =>
      html`<g><rect x="${10 + i * step}" y="20" width="100" height="28" rx="4" class="mk2"/><text x="${60 + i * step}" y="38" class="mt">${html.own(node.words)}</text>${node.beside === undefined ? html`` : html`<path class="s-mk" d="M${60 + i * step} 84V70H${115 + i * step}V34"/><rect x="${10 + i * step}" y="84" width="100" height="26" rx="4" class="mk1"/><text x="${60 + i * step}" y="101" class="mt">${html.own(node.beside.slice(0, 6))}…</text>`}</g>`,
  )
  const lines = nodes
    .slice(1)
    .map((_, i) => html`<path class="s-mkp" d="M${110 + i * step} 34H${140 + i * step}"/>`)
  const end =
    checkpoint === null
      ? html``
      : html`<path class="s-mkp" d="M${110 + 3 * step} 34H${10 + 4 * step}"/><rect x="${10 + 4 * step}" y="18" width="150" height="32" rx="16" class="mk3"/><text x="${85 + 4 * step}" y="38" class="mt b">checkpoint ${checkpoint.seq}</text>`
  return html`<svg class="merkle way" viewBox="0 0 ${checkpoint === null ? 530 : 690} 120" role="img" aria-label="The leaf gives the block, the block the record root, that the digest of the batch${checkpoint === null ? html`` : html`, which checkpoint ${checkpoint.seq} signs`}">${html.join(lines)}${html.join(boxes)}${end}</svg><p class="legend"><span><svg viewBox="0 0 10 10" aria-hidden="true"><rect x=".7" y=".7" width="8.6" height="8.6" rx="2" class="mk2"/></svg>computed from the record</span><span><svg viewBox="0 0 10 10" aria-hidden="true"><rect x=".7" y=".7" width="8.6" height="8.6" rx="2" class="mk1"/></svg>given by the proof, the lowest of each tree</span></p>`
}
