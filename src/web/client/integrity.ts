/** Shows the outcome of a verification when it is done. */
const PAUSE_MS = 3_000

async function isOver(): Promise<boolean> {
  try {
    const answer = await fetch('/api/v1/integrity/verify', {
      headers: { Accept: 'application/json' },
    })
    if (!answer.ok) return false
    const said = (await answer.json()) as { readonly run: { readonly isRunning: boolean } | null }
    return said.run?.isRunning !== true
  } catch {
    return false
  }
}

async function wait(): Promise<void> {
  while (!(await isOver())) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  location.reload()
}

if (document.querySelector('[data-verifying]') !== null) void wait()
