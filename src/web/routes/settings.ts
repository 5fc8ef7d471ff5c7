import { card, head, html } from '../components.ts'
import type { ShownSetting } from '../parts.ts'
import type { Html, Right, Route } from '../route.ts'

export const settingsRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/settings',
    right: 'view',
    summary: 'The settings in force, without secrets',
    async answers({ signedIn }, { settings, programVersion }) {
      const groups = Map.groupBy(settings, ({ name }) => /^(\w+)\./.exec(name)?.[1] ?? 'general')
      return {
        kind: 'page',
        title: 'Settings',
        body: html`${head(html`Settings`, html`nacre ${html.own(programVersion)}. They are set in nacre.toml, by environment or by option, and read when a command starts.`, pagesOf(signedIn.rights, '/settings'))}
${html.join([...groups].map(([name, group]) => groupOf(name, group)))}`,
      }
    },
  },
]

/** The pages that stand behind Settings. */
export function pagesOf(rights: ReadonlySet<Right>, here: string): Html {
  const pages = [
    ['/settings', 'Settings', 'view'],
    ['/tokens', 'Tokens', 'view'],
    ['/users', 'Users', 'admin'],
    ['/api', 'API', 'view'],
  ] as const
  return html`<nav class="seg" aria-label="Settings">${html.join(
    pages
      .filter(([, , right]) => rights.has(right))
      .map(
        ([to, name]) =>
          html`<a href="${html.own(to)}"${to === here ? html` aria-current="page"` : html``}>${html.own(name)}</a>`,
      ),
  )}</nav>`
}

function groupOf(name: string, settings: readonly ShownSetting[]): Html {
  const rows = settings.map(
    (one) =>
      html`<tr><th scope="row"><code>${html.own(one.name)}</code></th><td data-l="Value">${one.value === '' ? html`<span class="faint">none</span>` : html`<code>${html.own(one.value)}</code>`}</td><td data-l="From" class="dim">${html.own(one.origin)}</td><td class="wide dim">${html.own(one.meaning)}</td></tr>
`,
  )
  return card(
    `group-${name}`,
    html.own(name.charAt(0).toUpperCase() + name.slice(1)),
    html`<div class="scroll"><table class="rows cards settings"><thead><tr><th scope="col" class="w-set">Setting</th><th scope="col" class="w-set">Value</th><th scope="col" class="w-l">From</th><th scope="col">Meaning</th></tr></thead><tbody>
${html.join(rows)}</tbody></table></div>`,
  )
}
