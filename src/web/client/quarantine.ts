/** Ticked samples become the list of records that a decision is on; the list beside shows where one is. */
const list = document.querySelector<HTMLInputElement>('#rec')
const ticks = [...document.querySelectorAll<HTMLInputElement>('input[data-record]')]
const counts = [...document.querySelectorAll<HTMLElement>('[data-count]')]
const words = counts.map((one) => one.textContent)

const here = document.querySelector<HTMLElement>('.pick [aria-current]')
if (here?.parentElement) here.parentElement.scrollTop = here.offsetTop - here.offsetHeight

function show(): void {
  const chosen = ticks.filter((one) => one.checked).length
  counts.forEach((one, i) => {
    const isList = list !== null && list.value.trim() !== ''
    one.textContent = !isList
      ? (words[i] ?? '')
      : chosen > 0
        ? `${chosen} ${chosen === 1 ? 'event' : 'events'}`
        : 'these records'
  })
}

for (const tick of ticks) {
  tick.addEventListener('change', () => {
    if (list === null) return
    list.value = ticks
      .filter((one) => one.checked)
      .map((one) => Number(one.dataset['record']))
      .sort((a, b) => a - b)
      .join(',')
    show()
  })
}
list?.addEventListener('input', () => {
  for (const tick of ticks) tick.checked = false
  show()
})
