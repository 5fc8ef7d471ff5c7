import { NAMES, type Statement } from './format.ts'

/** What a package says to the person who opens it first; ASCII, lines of at most 80 characters but for texts of others. */
export function readmeOf(statement: Statement, keyId: string, checkpoint: number): string {
  return `EVIDENCE PACKAGE
================

This package holds ${statement.records} line(s) of the log of a honeypot: a computer that was
put on the Internet to be attacked, and that writes down what is done to it.

Made     ${statement.exportedAt}
By       ${statement.actor}
Because  ${statement.reason}
Of       ${statement.asked.join('; ')}

The lines were written by attackers. Open them as text only. Do not run them,
and do not follow addresses in them.


What it shows
-------------

* Each line in the folder "records" is what was stored when the log was loaded.
  If one character were changed later, the check below would fail.
* The lines lead, through a chain of fingerprints (hashes), to checkpoint ${checkpoint},
  which was signed with the key ${keyId}.
* The journal of the store says who made this package, when and why, and who
  looked at these lines before (${NAMES.custody}).


What it does not show
---------------------

* That the honeypot wrote the truth, or that the log was not changed before it
  was loaded.
* Who the attacker is. An address is that of a machine, not of a person.
* That there were no other lines. It shows that those here are genuine, not that
  they are all.
* That the clock of the machine was right.
* Who holds the signing key. Compare the key with one that you have from another
  source: from the operator in writing, or from an earlier report.
* Someone who has both the store and its signing key can make a second history.
  Only a checkpoint that was kept elsewhere shows that.


How to check it
---------------

Without any program:   open ${NAMES.page} in a browser (it uses no network), and
                       choose this package, as a whole, unopened.
With Node.js (18+):    node ${NAMES.program} PACKAGE.zip
With the program:      nacre evidence verify PACKAGE.zip
With plain tools:      sha256sum -c ${NAMES.sums}   (after unpacking; shows that
                       the files fit this list, and not that the list is genuine)

Whoever doubts this package should not trust the two checkers in it: a forger
could have replaced them. Take ${NAMES.program} from the sources of nacre, and
compare the key and the checkpoint with ones from elsewhere (--key, --checkpoint).


What is in it
-------------

${NAMES.manifest}     every file with its length and SHA-256; lines withheld later
${NAMES.statement}    who asked for what, and why; versions of rules and schemas
${NAMES.sums}        SHA-256 of lines, sessions and statement; the journal has its hash
records/          the exact bytes of each line
sessions/         what the store makes of them: sessions and their events
${NAMES.proof}        hashes from each line up to the checkpoint
${NAMES.checkpoint}   the signed head of the store
${NAMES.custody}      entries of the journal, chained up to signed checkpoints

If lines are withheld, the check says how many and which reason was given. The
place and fingerprint of a withheld line stay provable. Whoever can guess a
withheld line to the last character can confirm the guess by its fingerprint.
`
}
