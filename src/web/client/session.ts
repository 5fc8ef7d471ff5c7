/** On the page of a session: which commands are shown, and keys to walk through them. */
const commands = [...document.querySelectorAll<HTMLDetailsElement>('details.cmd[data-hit]')]

for (const group of document.querySelectorAll<HTMLElement>('[data-commands]')) {
  group.hidden = false
  const buttons = [...group.querySelectorAll<HTMLButtonElement>('button[data-show]')]
  for (const button of buttons)
    button.addEventListener('click', () => {
      for (const one of buttons) one.setAttribute('aria-pressed', String(one === button))
      const show = button.dataset['show']
      for (const command of commands)
        command.hidden =
          (show === 'hit' && command.dataset['hit'] === '0') ||
          (show === 'undone' && command.dataset['undone'] === '0')
    })
}

document.addEventListener('keydown', (event) => {
  const at = event.target instanceof Element ? event.target.closest('summary') : null
  if (at === null || (event.key !== 'ArrowDown' && event.key !== 'ArrowUp')) return
  const all = [...document.querySelectorAll<HTMLElement>('details.cmd:not([hidden]) > summary')]
  const next = all[all.indexOf(at) + (event.key === 'ArrowDown' ? 1 : -1)]
  if (next === undefined) return
  event.preventDefault()
  next.focus()
})
