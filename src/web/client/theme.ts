/** Keeps the theme that was chosen. */
const KEY = 'nacre-theme'

const chosen = localStorage.getItem(KEY)
for (const input of document.querySelectorAll<HTMLInputElement>('input[name="th"]')) {
  if (input.value === chosen) input.checked = true
  input.addEventListener('change', () => localStorage.setItem(KEY, input.value))
}
