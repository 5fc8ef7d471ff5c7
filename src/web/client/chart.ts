/** Shows the value of a chart under the pointer, or under the arrow keys. */
const SVG = 'http://www.w3.org/2000/svg'
const HOUR_S = 3_600

for (const svg of document.querySelectorAll<SVGSVGElement>('svg[data-chart]')) {
  const numbers = (text: string | undefined): number[] =>
    text === undefined || text === '' ? [] : text.split(',').map(Number)
  const values = numbers(svg.dataset['chart'])
  const before = numbers(svg.dataset['before'])
  if (values.length === 0) continue
  const startS = Number(svg.dataset['start'])
  const stepS = Number(svg.dataset['step'])
  const unit = svg.dataset['unit'] ?? ''
  const told = document.createElement('p')
  told.className = 'readout'
  told.setAttribute('role', 'status')
  svg.closest('.chart')?.before(told)
  const mark = document.createElementNS(SVG, 'rect')
  mark.setAttribute('class', 'hov at')
  mark.setAttribute('height', '100')
  mark.setAttribute('width', String(Math.max(0.15, 100 / values.length)))
  mark.setAttribute('visibility', 'hidden')
  svg.append(mark)
  // The script tells more than the titles that stand in without it.
  for (const title of svg.querySelectorAll('title')) title.remove()
  svg.setAttribute('tabindex', '0')
  let at = -1

  const show = (i: number): void => {
    if (i === at || i < 0 || i >= values.length) return
    at = i
    mark.setAttribute('x', String((i / values.length) * 100))
    mark.setAttribute('visibility', 'visible')
    const iso = new Date((startS + i * stepS) * 1000).toISOString()
    const when = stepS <= HOUR_S ? `${iso.slice(0, 10)} ${iso.slice(11, 16)}` : iso.slice(0, 10)
    const was = before[i]
    told.textContent = `${when}: ${spaced(values[i]!)} ${unit}${was === undefined ? '' : `, ${spaced(was)} in the period before`}`
  }
  svg.addEventListener('pointermove', (event) => {
    const box = svg.getBoundingClientRect()
    show(Math.floor(((event.clientX - box.left) / box.width) * values.length))
  })
  svg.addEventListener('pointerleave', () => {
    at = -1
    mark.setAttribute('visibility', 'hidden')
    told.textContent = ''
  })
  svg.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
    if (step === undefined) return
    event.preventDefault()
    show(at < 0 ? values.length - 1 : at + step)
  })
}

for (const select of document.querySelectorAll<HTMLSelectElement>('select[data-submit]')) {
  const button = select.form?.querySelector<HTMLButtonElement>('button[type="submit"]')
  if (button) button.hidden = true
  select.addEventListener('change', () => select.form?.requestSubmit())
}

function spaced(value: number): string {
  return value.toLocaleString('en-GB').replaceAll(',', '\u202f')
}
