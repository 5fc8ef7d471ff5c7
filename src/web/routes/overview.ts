import { head, html } from '../components.ts'
import type { Route } from '../route.ts'

export const overviewRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/',
    right: 'view',
    summary: 'The overview',
    async answers() {
      return { kind: 'page', title: 'Overview', body: head(html`Overview`, html`Times are UTC.`) }
    },
  },
]
