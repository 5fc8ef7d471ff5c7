/** Numbers of loaders and sources as they change. Only texts and the length of bars are set. */
type Loader = {
  readonly phase: string
  readonly state: string
  readonly lastUpdated: string
  readonly eventsPerSecond: number
  readonly lagBytes: number
  readonly stored: number
}
type Source = {
  readonly source: string
  readonly state: string
  readonly position: number
  readonly size: number
  readonly lagBytes: number
  readonly lagSeconds: number
  readonly eventsPerSecond: number
  readonly lastEventAt: string | null
}
type Now = {
  readonly at: string
  readonly loaders: readonly Loader[]
  readonly sources: readonly Source[]
}

const places = new Map<string, Element>()
for (const one of document.querySelectorAll('[data-live]'))
  places.set(one.getAttribute('data-live') ?? '', one)
const line = document.querySelector<HTMLElement>('#live')

/** The page has the first sources and all loaders, so what it does not know is new. */
const isFirstPage = document.querySelector('#lo') !== null

function set(name: string, text: string): void {
  const place = places.get(name)
  if (place !== undefined && place.textContent !== text) place.textContent = text
}

/** As the server makes the badge: a word with a sign, the colour last. */
function setLoaderState(name: string, state: string): void {
  const badge = places.get(name)?.querySelector('.badge')
  if (!badge || badge.textContent === state) return
  const isWell = state === 'stopped' || state === 'done'
  badge.className = state === 'running' ? 'badge ok' : isWell ? 'badge' : 'badge failed'
  const sign = state === 'running' ? 'play' : isWell ? 'check' : 'alert'
  badge.querySelector('use')?.setAttribute('href', `#i-${sign}`)
  badge.lastChild?.replaceWith(state)
}

function whole(n: number): string {
  return n.toLocaleString('en-GB').replaceAll(',', '\u202f')
}

function rate(perSecond: number): string {
  return perSecond < 100 ? perSecond.toFixed(1) : whole(Math.round(perSecond))
}

function bytes(n: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let unit = 0
  let size = n
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000
    unit += 1
  }
  return `${unit === 0 ? size : size.toFixed(size < 10 ? 2 : 1)} ${units[unit]}`
}

function minute(iso: string): string {
  return iso.slice(0, 19).replace('T', ' ')
}

function show({ at, loaders, sources }: Now): void {
  for (const one of loaders) {
    const name = `loader ${one.phase}`
    setLoaderState(`${name} state`, one.state)
    set(`${name} stored`, whole(one.stored))
    set(`${name} lag`, bytes(one.lagBytes))
    set(`${name} rate`, rate(one.eventsPerSecond))
    set(`${name} updated`, minute(one.lastUpdated))
  }
  for (const one of sources) {
    const name = `source ${one.source}`
    set(`${name} state`, one.state)
    set(`${name} position`, whole(one.position))
    set(`${name} size`, whole(one.size))
    set(`${name} lag`, bytes(one.lagBytes))
    set(`${name} seconds`, one.lagSeconds.toFixed(1))
    set(`${name} rate`, rate(one.eventsPerSecond))
    set(`${name} last`, one.lastEventAt === null ? '–' : minute(one.lastEventAt))
    const share = one.size === 0 ? 100 : Math.min(100, (100 * one.position) / one.size)
    places.get(`${name} bar`)?.setAttribute('width', share.toFixed(1))
  }
  const isNew = [
    ...loaders.map((one) => `loader ${one.phase} state`),
    ...sources.map((one) => `source ${one.source} state`),
  ].some((name) => !places.has(name))
  if (isNew) tell('More is followed now than is shown here.', true)
  else tell(`Live, ${at.slice(11, 19)} UTC`, false)
}

/** @param isNews - read out, too; a clock that goes on is not */
function tell(text: string, isNews: boolean): void {
  if (line === null) return
  line.hidden = false
  const words = document.createElement('span')
  words.textContent = text
  if (!isNews) {
    words.setAttribute('aria-hidden', 'true')
    line.replaceChildren(words)
    return
  }
  const again = document.createElement('a')
  again.href = location.href
  again.textContent = 'Load the page again'
  line.replaceChildren(words, ' ', again)
}

if (isFirstPage) {
  const events = new EventSource('/api/v1/sources/events')
  events.addEventListener('message', (event) => show(JSON.parse(String(event.data)) as Now)) // as the server writes it
  events.addEventListener('error', () => tell('Not live: waiting for the server.', true))
}
