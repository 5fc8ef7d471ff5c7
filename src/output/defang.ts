/**
 * Addresses that do not open when clicked, and back.
 *
 * People's outputs defang attacker text: `http` becomes `hxxp`, other schemes lose their colon (`ldap[:]//`), hosts
 * and addresses one dot or colon (`192.0.2[.]7`, `2001:db8[:]:7`), mail addresses their `@`. What is for machines
 * (JSON, STIX) keeps them exact.
 */
import { isIPv6 } from 'node:net'

// A scheme, whatever stands before it, with its slashes, and the host after them; a host ends before the colon of a
// next scheme. Every repetition is bounded, so the time is linear in the text.
const URL_START =
  /([A-Za-z0-9+.-]{0,31}):(\/\/|\\\\|\/\\|\\\/)((?:[^\s/\\?#"'<>`|,;(){}:]|:(?![/\\]{2})){0,255})/gu
// A host after two slashes and no scheme that programs still see: an address that takes the scheme of its page, a share
// of Windows. Behind `[:]` they see none.
const SLASHED = /(?<!:|[/\\])([/\\]{2,})((?:[^\s/\\?#"'<>`|,;(){}:]){0,255})/gu
// Schemes that programs follow without two slashes.
const BARE_SCHEME =
  /(?<![A-Za-z])(https?|ftps?|javascript|vbscript|data|mailto|tel|sms|file|xmpp|magnet|view-source|ms-[a-z-]{1,20}):(?!\]|\s|$)/gi
// Four numbers, whatever stands around them: programs make links of them behind a dot and in longer rows, too. The
// fourth may be the first of the next four.
const IPV4 = /(?<![0-9A-Za-z_])(\d{1,3}\.\d{1,3}\.\d{1,3})\.(?=\d{1,3}(?![0-9A-Za-z_]))/g
// What follows `[:]` is the rest of one that is defanged.
const IPV6 = /(?<![0-9A-Za-z:.]|\[:\])[0-9A-Fa-f:]{2,39}(?:\.\d{1,3}){0,3}(?![0-9A-Za-z:])/g
// Whatever stands before it but a blank: names of mailboxes hold `'`, `=` and more. The host has an ending of two
// letters or more, or is an address.
const MAIL =
  /(?<=\S)@((?:[^\s/\\?#"'<>`|,;(){}[\]:@.]{1,63}\.){1,8}(?:[^\s/\\?#"'<>`|,;(){}[\]:@.]{2,63}|(?<=(?:\d{1,3}\.){3})\d))/gu
const WWW = /(?<![A-Za-z0-9_])([Ww]{3})\.(?=[\p{L}\p{N}])/gu
// Bare names under endings that mail programs and chats make links of. Endings that are common for files (sh, so,
// py, pl) are left out: commands are full of them.
const ENDINGS =
  'com|net|org|info|biz|io|co|ru|cn|su|eu|de|fr|uk|us|in|br|xyz|top|site|online|club|shop|store|live|space|website|app|dev|edu|gov|icu|vip|click|link|me|cc|tk|ml|ga|cf|pw|example|onion'
const HOST = new RegExp(
  `(?<![\\p{L}\\p{N}.@_\\\\-])(?:[\\p{L}\\p{N}_-]{1,63}\\.){1,31}(?:${ENDINGS})(?![\\p{L}\\p{N}_-]|\\.[\\p{L}\\p{N}])`,
  'giu',
)
// What stands before a dot that is spelled out would be a host of its own: `a.com[.]xyz`.
const DOT_BEFORE_ENDING = new RegExp(`\\.(?=(?:${ENDINGS})(?:\\.|$))`, 'giu')

/** Makes URLs, addresses and host names of a text unclickable. Never throws, whatever the text. */
export function defang(text: string): string {
  if (!/[.:@]/.test(text)) return text
  return text
    .replace(
      URL_START,
      (_, scheme: string, slashes: string, host: string) =>
        `${defangedScheme(scheme)}${slashes}${defangedAuthority(host)}`,
    )
    .replace(
      SLASHED,
      (_, slashes: string, host: string) =>
        slashes + host.replace(/(?<=[^.[])\.(?=[^.\]])/g, '[.]'),
    )
    .replace(BARE_SCHEME, (_, scheme: string) => defangedScheme(scheme))
    .replace(MAIL, (_, host: string) => `[@]${withLastDot(host)}`)
    .replace(IPV4, '$1[.]')
    .replace(IPV6, (whole) => (isIPv6(whole) ? defangedV6(whole) : whole))
    .replace(WWW, '$1[.]')
    .replace(HOST, (host) => host.replace(DOT_BEFORE_ENDING, '[.]'))
}

/**
 * Undoes the spellings of defanged addresses that are in use: `hxxp`, `[.]`, `(.)`, `[dot]`, `[:]`, `[@]`, `[://]`.
 *
 * For what people paste as arguments; text without such spellings comes back as it is.
 */
export function refang(text: string): string {
  return text
    .replace(/\[:\/\/\]/g, '://')
    .replace(
      /(h)(xx|XX)(p(?:s)?)(?=:|\[:\])/gi,
      (_, h: string, xx: string, p: string) => `${h}${xx === 'XX' ? 'TT' : 'tt'}${p}`,
    )
    .replace(
      /(s?f)(x)(ps?)(?=:|\[:\])/gi,
      (_, f: string, x: string, p: string) => `${f}${x === 'X' ? 'T' : 't'}${p}`,
    )
    .replace(/[[({](?:\.|dot)[\])}]/gi, '.')
    .replace(/\[:\]/g, ':')
    .replace(/[[({](?:@|at)[\])}]/gi, '@')
}

/** `http:` to `hxxp:`, `ftp:` to `fxp:`, anything else to `ldap[:]`; with the colon. */
function defangedScheme(scheme: string): string {
  const known = /(?:https?|s?ftps?)$/i.exec(scheme)
  if (known !== null) {
    const letters = /^h/i.test(known[0]) ? /t/gi : /t/i
    return `${scheme.slice(0, known.index)}${known[0].replace(letters, (t) => (t === 't' ? 'x' : 'X'))}:`
  }
  // Typed in this form already.
  return /(?:hxxps?|fxps?)$/i.test(scheme) ? `${scheme}:` : `${scheme}[:]`
}

function defangedAuthority(authority: string): string {
  if (/\[[.:@]\]/.test(authority)) return authority
  const at = authority.lastIndexOf('@')
  const user = at < 0 ? '' : `${authority.slice(0, at).replaceAll('@', '[@]')}[@]`
  const host = authority.slice(at + 1)
  return user + (host.startsWith('[') ? defangedV6(host) : withLastDot(host))
}

function withLastDot(host: string): string {
  const end = /\.?(?::\d*)?$/.exec(host)?.index ?? host.length
  const dot = host.lastIndexOf('.', end - 1)
  return dot < 0 ? host : `${host.slice(0, dot)}[.]${host.slice(dot + 1)}`
}

function defangedV6(address: string): string {
  const second = address.indexOf(':', address.indexOf(':') + 1)
  if (second < 0) return address
  return `${address.slice(0, second)}[:]${address.slice(second + 1)}`
}
