/** Puts the code of a one-time link into its field, and takes it out of the address and the history. */
const field = document.querySelector<HTMLInputElement>('#code')
const code = location.hash.slice(1)
if (field !== null && code !== '') {
  field.value = code
  history.replaceState(null, '', location.pathname)
}

export {}
