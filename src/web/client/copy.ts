/** Buttons that copy: the address of the page, or the text of an element. They show only where this runs. */
for (const button of document.querySelectorAll<HTMLButtonElement>('button[data-copy]')) {
  const what = button.dataset['copy']
  const words = button.querySelector('span')
  const said = words?.textContent ?? ''
  button.hidden = false
  button.addEventListener('click', async () => {
    const text =
      what === 'address' ? location.href : (document.getElementById(what ?? '')?.textContent ?? '')
    let told = 'Copied'
    try {
      await navigator.clipboard.writeText(text)
    } catch {
      told = 'Not allowed here'
    }
    if (words === null) button.title = told
    else words.textContent = told
    setTimeout(() => {
      if (words !== null) words.textContent = said
    }, 2_000)
  })
}
