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

function set(name: string, text: string): void {
  const place = places.get(name)
  if (place === undefined || place.textContent === text) return
  // A state that stands in a badge keeps its sign; what it says changes with the next reload.
  if (place.querySelector('.badge') === null) place.textContent = text
}

function whole(n: number): string {
  return n.toLocaleString('en-GB').replaceAll(',', '\u202f')
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
    set(`${name} state`, one.state)
    set(`${name} stored`, whole(one.stored))
    set(`${name} lag`, bytes(one.lagBytes))
    set(`${name} rate`, one.eventsPerSecond.toFixed(1))
    set(`${name} updated`, minute(one.lastUpdated))
  }
  for (const one of sources) {
    const name = `source ${one.source}`
    set(`${name} state`, one.state)
    set(`${name} position`, whole(one.position))
    set(`${name} size`, whole(one.size))
    set(`${name} lag`, bytes(one.lagBytes))
    set(`${name} seconds`, one.lagSeconds.toFixed(1))
    set(`${name} rate`, one.eventsPerSecond.toFixed(1))
    set(`${name} last`, one.lastEventAt === null ? '–' : minute(one.lastEventAt))
    const share = one.size === 0 ? 100 : Math.min(100, (100 * one.position) / one.size)
    places.get(`${name} bar`)?.setAttribute('width', share.toFixed(1))
  }
  tell(`Live, ${at.slice(11, 19)} UTC`)
}

function tell(text: string): void {
  if (line === null) return
  line.hidden = false
  line.textContent = text
}

if (places.size > 0) {
  const events = new EventSource('/api/v1/sources/events')
  events.addEventListener('message', (event) => show(JSON.parse(String(event.data)) as Now)) // as the server writes it
  events.addEventListener('error', () => tell('Not live: waiting for the server'))
}
