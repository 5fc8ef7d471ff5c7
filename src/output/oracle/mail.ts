import { plainProblems } from './lines.ts'
import { firstDifference, hostileCharacters, type Oracle } from './oracle.ts'

/** The headers of the twin, a body of short lines that mean nothing to servers, and as many lines once decoded. */
export const mailOracle: Oracle = (document, twin) => {
  const problems = hostileCharacters(document, '\r\n')
  if (/[^\x20-\x7e\r\n]/.test(document)) problems.push('not plain ASCII')
  if (/\r(?!\n)|(?<!\r)\n/.test(document)) problems.push('a bare line end')
  const own = parts(document)
  const benign = parts(twin)
  problems.push(...firstDifference('header', own.headers, benign.headers))
  for (const line of document.split('\r\n')) {
    if (line.length > 78) problems.push('a long line')
    if (/^(?:\.|From |--)/.test(line)) problems.push('a line that a server or mailbox reads')
  }
  const body = decoded(own.body)
  problems.push(
    ...hostileCharacters(body, '\n'),
    ...plainProblems(body),
    ...firstDifference('line', indents(body), indents(decoded(benign.body))),
  )
  return problems
}

/** Headers unfolded; what an encoded word holds may differ. */
function parts(message: string): { readonly headers: string[]; readonly body: string } {
  const end = message.indexOf('\r\n\r\n')
  const headers = message
    .slice(0, end)
    .replace(/\r\n /g, ' ')
    .split('\r\n')
    .map((line) => line.replace(/(?:=\?UTF-8\?B\?[A-Za-z0-9+/]*={0,2}\?= ?)+/g, 'ENCODED'))
  return { headers, body: message.slice(end + 4) }
}

function decoded(body: string): string {
  const bytes = body
    .replace(/=\r\n/g, '')
    .replace(/\r\n/g, '\n')
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString('utf8')
}

function indents(body: string): string[] {
  return body.split('\n').map((line) => /^ */.exec(line)![0])
}
