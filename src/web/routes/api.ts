/** What the API says of itself. */
import { card, head, html } from '../components.ts'
import { API, openApiDocument } from '../openapi.ts'
import type { FieldSpec, Html, Route } from '../route.ts'

/** @param others - all other routes */
export function apiRoutes(others: readonly Route[]): readonly Route[] {
  const document: Route = {
    method: 'GET',
    path: `${API}openapi.json`,
    right: 'view',
    summary: 'This API as an OpenAPI 3.1 document',
    answer: { type: 'object' },
    async answers(_, parts) {
      return { kind: 'json', value: openApiDocument(all, parts.programVersion) }
    },
  }
  const page: Route = {
    method: 'GET',
    path: '/api',
    right: 'view',
    summary: 'The API, readable',
    async answers() {
      return { kind: 'page', title: 'API', body: apiPage(all) }
    },
  }
  const all = [...others, document, page]
  return [document, page]
}

function apiPage(routes: readonly Route[]): Html {
  const api = routes
    .filter((route) => route.path.startsWith(API))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1))
  return html`${head(html`API`, html`JSON over HTTP. A program sends <code>Authorization: Bearer</code> with a <a href="/tokens">token</a>.`, html`<a class="btn" href="/api/v1/openapi.json">OpenAPI document</a>`)}
${card(
  'calls',
  html`Calls`,
  html`<div class="scroll"><table class="rows cards"><thead><tr><th scope="col">Call</th><th scope="col">Right</th><th scope="col">What it answers</th><th scope="col">Fields</th></tr></thead><tbody>
${html.join(api.map(rowOf))}</tbody></table></div>`,
)}`
}

function rowOf(route: Route): Html {
  const fields = Object.entries({ ...route.params, ...route.query, ...route.body })
  return html`<tr><th scope="row" class="wide"><code>${html.own(route.method)} ${html.own(route.path)}</code></th><td data-l="Right">${html.own(route.right)}</td><td class="wide">${html.own(route.summary)}</td><td class="wide">${html.join(fields.map(fieldOf), ', ')}</td></tr>
`
}

function fieldOf([name, spec]: readonly [string, FieldSpec]): Html {
  return html`<code title="${html.own(spec.meaning)}">${html.own(name)}</code>${spec.required === true ? html`*` : html``}`
}
