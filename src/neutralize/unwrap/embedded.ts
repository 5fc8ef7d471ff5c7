/**
 * Commands inside texts that are none: Shellshock in a header, an injection in a URL, a payload in a body.
 *
 * Only what is plainly the shell's is treated as such, from the place where it starts to the end of its line or of
 * the quotes around it: the quotes and braces of JSON or a program mean something else.
 */
import { rewriteShell } from './shell-rewrite.ts'
import type { Trace } from './trace.ts'

// A function for Shellshock; `$(`, a backtick or `$IFS`; a shell that is given its commands or fed through a pipe; a
// usual command behind a sign that starts one.
const NAMES =
  '(?:busybox|wget|curl|tftp|ftpget|chmod|rm|cd|sh|ash|bash|echo|printf|cat|eval|nc|python[23]?|perl|php|base64|id|uname|nohup|sudo)'
const START = new RegExp(
  [
    '\\(\\) ?\\{',
    '\\$\\(',
    '`',
    '\\$\\{?IFS\\b',
    '(?:[\\w/.-]{0,32}/)?\\b(?:ba|da|a|z|k)?sh -\\w{0,4}c ',
    `(?<=[;|&\\n]\\s{0,4})(?:/[\\w./-]{1,32}/)?${NAMES}(?=[\\s$<>;|&]|$)`,
    `\\becho (?:-\\w{1,3} )?["']?(?:[A-Za-z0-9+/]{16}|\\\\{1,2}[x0-7])`,
    '\\b(?:echo|printf)\\s[^\\n|]{1,256}\\|',
  ].join('|'),
  'g',
)

/** Commands of one text that are looked at in a round. */
const COMMANDS_MAX = 16

/** The text with its commands unwrapped by one round. */
export function embeddedCommand(text: string, trace: Trace): string {
  let made = ''
  let at = 0
  START.lastIndex = 0
  for (let count = 0; count < COMMANDS_MAX; count += 1) {
    const found = START.exec(text)
    if (found === null) break
    const start = Math.max(at, startOf(text, found.index))
    const quote = openQuote(text, start)
    const end = endOf(text, start, quote)
    made += text.slice(at, start) + rewritten(text.slice(start, end), quote, trace)
    at = end
    if (end >= text.length) break
    START.lastIndex = Math.max(end, found.index + 1)
  }
  return made + text.slice(at)
}

function rewritten(typed: string, quote: string, trace: Trace): string {
  // Inside a string of JSON the quotes of the command are escaped.
  const plain = quote === '"' && typed.includes('\\"') ? typed.replace(/\\(["\\/])/g, '$1') : typed
  const made = rewriteShell(plain, trace)
  return made === plain ? typed : made
}

/** Goes back from a place to the start of the word it is in. */
function startOf(text: string, place: number): number {
  let start = place
  while (start > 0 && place - start < 256 && !/[\s=;|&?"'<>(]/.test(text[start - 1]!)) start -= 1
  return start
}

/** The quote that is open at a place of its line, or nothing. */
function openQuote(text: string, place: number): string {
  const from = Math.max(text.lastIndexOf('\n', place - 1) + 1, place - 4_096)
  let quote = ''
  for (let at = from; at < place; at += 1) {
    const char = text[at]!
    if (char === '\\') at += 1
    else if (quote === '') quote = char === '"' || char === "'" ? char : ''
    else if (char === quote) quote = ''
  }
  return quote
}

function endOf(text: string, start: number, quote: string): number {
  if (quote === '') {
    return text.length
  }
  for (let at = start; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1
    else if (text[at] === quote) return at
  }
  return text.length
}
