/** Rules: the list, one of them, and a text to try them on. */
import { US_PER_DAY } from '../../core/instant.ts'
import { FIELD_CLASSES } from '../../core/verdict.ts'
import { LIMITS } from '../../limits.ts'
import { chart, shareBar } from '../chart.ts'
import {
  attackHtml,
  card,
  csrfField,
  emptyState,
  hazardScale,
  head,
  html,
  htmlAttribute,
  htmlHref,
  icon,
  number,
  threatScale,
} from '../components.ts'
import {
  RULE_AXES,
  RULE_DAYS,
  type RuleDetail,
  type RuleFilter,
  type RuleList,
  ruleDetail,
  ruleList,
  type Trial,
  tryRules,
} from '../data/rules.ts'
import { counted, jsonOf, selectField, tabs, zeroed } from '../lists.ts'
import type { Asked, FieldSpec, Html, Route } from '../route.ts'

const RULE: FieldSpec = {
  meaning: 'Id of the rule',
  required: true,
  pattern: '^[a-z0-9.-]{1,120}$',
  charsMax: 120,
}
const LIST_QUERY: Readonly<Record<string, FieldSpec>> = {
  axis: {
    meaning: 'Only this axis: all (default), threat, hazard',
    choices: RULE_AXES,
    charsMax: 10,
  },
  q: { meaning: 'Only rules whose id, title or family holds this', charsMax: 80 },
}
const TRY_BODY: Readonly<Record<string, FieldSpec>> = {
  text: { meaning: 'The text; it is only looked at', charsMax: LIMITS.webTryCharsMax },
  kind: { meaning: 'What kind of text it is', choices: FIELD_CLASSES, charsMax: 20 },
  visible: {
    meaning: 'yes: \\u{202E} in it stands for the character',
    choices: ['yes', ''],
    charsMax: 3,
  },
}

export const ruleRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/rules',
    right: 'view',
    summary: 'The rules and what they found',
    query: LIST_QUERY,
    async answers({ query, signedIn }, parts) {
      const filter = filterOf(query)
      const list = await ruleList(parts, filter)
      return { kind: 'page', title: 'Rules', body: listPage(list, filter, signedIn.csrf) }
    },
  },
  {
    method: 'POST',
    path: '/rules/test',
    right: 'view',
    summary: 'What the rules find in a text; it is only looked at',
    body: TRY_BODY,
    async answers({ body, signedIn }, parts) {
      const text = body['text'] ?? ''
      const trial = text === '' ? undefined : tried(body, parts)
      return {
        kind: 'page',
        title: 'Try the rules',
        body: html`${head(html`Try the rules`, html`<a href="/rules">All rules</a>`)}${trialForm(signedIn.csrf, body, text === '' ? html`Write a text.` : undefined)}${trial === undefined ? html`` : trialCard(trial)}`,
        ...(trial === undefined ? { status: 400 } : {}),
      }
    },
  },
  {
    method: 'GET',
    path: '/rules/:rule',
    right: 'view',
    summary: 'One rule with its reason, its examples and what it found',
    params: { rule: RULE },
    async answers({ params }, parts) {
      const rule = await ruleDetail(parts, params['rule']!)
      return { kind: 'page', title: rule.id, body: detailPage(rule), scripts: ['chart'] }
    },
  },
  {
    method: 'GET',
    path: '/api/v1/rules',
    right: 'view',
    summary: 'The rules with what they hit in the newest 30 days',
    query: LIST_QUERY,
    answers: ({ query }, parts) => jsonOf(() => ruleList(parts, filterOf(query))),
  },
  {
    method: 'GET',
    path: '/api/v1/rules/:rule',
    right: 'view',
    summary: 'One rule with its examples in visible form',
    params: { rule: RULE },
    answers: ({ params }, parts) => jsonOf(() => ruleDetail(parts, params['rule']!)),
  },
  {
    method: 'POST',
    path: '/api/v1/rules/test',
    right: 'view',
    summary: 'What the rules find in a text; it is only looked at',
    body: TRY_BODY,
    answers: ({ body }, parts) => jsonOf(async () => tried(body, parts)),
  },
]

function filterOf(query: Asked['query']): RuleFilter {
  return {
    axis: RULE_AXES.find((one) => one === query['axis']) ?? 'all',
    text: query['q']?.trim() ?? '',
  }
}

function tried(body: Asked['body'], parts: Parameters<typeof tryRules>[0]): Trial {
  const kind = FIELD_CLASSES.find((one) => one === body['kind']) ?? 'command'
  const text = (body['text'] ?? '').slice(0, LIMITS.webTryCharsMax)
  return tryRules(parts, text, kind, body['visible'] === 'yes')
}

function listPage(list: RuleList, filter: RuleFilter, csrf: string): Html {
  const choices = RULE_AXES.map((axis) => ({
    to: htmlHref(['rules'], {
      axis: axis === 'all' ? undefined : axis,
      q: filter.text === '' ? undefined : filter.text,
    }),
    words: html.own(`${axis[0]!.toUpperCase()}${axis.slice(1)}`),
    isHere: axis === filter.axis,
  }))
  const hit = list.rules.filter((one) => one.hits > 0).sort((a, b) => b.hits - a.hits)
  const silent = list.rules.filter((one) => one.hits === 0)
  const days = html`${html.own(list.from)} to ${html.own(list.to)}`
  return html`${head(
    html`Rules`,
    html`${counted(list.rules.length, 'rule', 'rules')} of the set <code>${html.own(list.ruleSet)}</code>. Threat: what the attacker did. Hazard: what the text could do to its reader.`,
    tabs('Axis', choices),
  )}
${trialForm(csrf, {}, undefined)}
<form class="row" method="get" action="/rules">${filter.axis === 'all' ? html`` : html`<input type="hidden" name="axis" value="${html.own(filter.axis)}">`}<label class="field grow">${icon('search')}<span class="sr">Find a rule</span><input type="search" name="q" value="${htmlAttribute(filter.text)}" placeholder="Id, title or family" maxlength="80"></label><button class="btn" type="submit">Find</button></form>
${list.rules.length === 0 ? html`<section class="card" aria-label="Rules"><h2 class="sr">Rules</h2>${emptyState(html`No rule`, html`No rule matches these filters.`)}</section>` : html``}
${
  hit.length === 0
    ? html``
    : card('rh', html`Rules that hit`, ruleTable(hit), {
        meta: html`${number(hit.length)}, ${days}`,
      })
}
${
  silent.length === 0
    ? html``
    : html`<section class="card" aria-labelledby="rn"><h2 class="sr" id="rn">Rules without a hit</h2><details class="fold"${filter.text === '' ? html`` : html` open`}><summary>${icon('chev')}<span>${counted(silent.length, 'rule', 'rules')} without a hit</span><span class="meta">${days}</span></summary>${ruleTable(silent)}</details></section>`
}
${list.layers.length === 0 ? html`` : html`<p class="small dim">Unwrapped in these days: ${html.own(list.layers.map((one) => `${one.layer} ${one.events}`).join(', '))}.</p>`}`
}

function ruleTable(rules: RuleList['rules']): Html {
  const most = Math.max(1, ...rules.map((one) => one.hits))
  const rows = rules.map(
    (one) =>
      html`<tr><th scope="row" class="wide"><a href="${htmlHref(['rules', one.id])}">${html.own(one.title)}</a><span class="l2"><code>${html.own(one.id)}</code></span></th><td data-l="Score">${one.axis === 'hazard' ? hazardScale(one.score) : threatScale(one.score)}</td><td data-l="Techniques"${one.techniques.length === 0 ? html` class="hide"` : html``}>${techniques(one.techniques)}</td><td class="num" data-l="Hits">${zeroed(one.hits)}${one.hits === 0 ? html`` : shareBar(one.hits / most)}</td><td class="num" data-l="Called wrong">${zeroed(one.falsePositives)}</td></tr>`,
  )
  return html`<div class="scroll"><table class="rows cards"><caption class="sr">Rules with the events they hit</caption><thead><tr><th scope="col">Rule</th><th scope="col">Score</th><th scope="col">Techniques</th><th scope="col" class="num w-l">Events hit</th><th scope="col" class="num">Called wrong</th></tr></thead><tbody>${html.join(rows, '\n')}</tbody></table></div>`
}

function techniques(ids: readonly string[]): Html {
  return ids.length === 0
    ? html`<span class="faint">–</span>`
    : html.join(
        ids.map((id) => html`<span class="chip attack"><code>${html.own(id)}</code></span>`),
        ' ',
      )
}

function detailPage(rule: RuleDetail): Html {
  const total = rule.hitsByDay.reduce((sum, one) => sum + one.events, 0)
  const examples = (texts: readonly string[]): Html =>
    texts.length === 0
      ? html`<div class="body small dim">None.</div>`
      : html`<ul class="list">${html.join(texts.map((text) => html`<li>${icon('terminal')}<div class="atkb">${attackHtml(text)}</div><span></span></li>`))}</ul>`
  const list = (texts: readonly string[]): Html =>
    texts.length === 0
      ? html`<span class="faint">none</span>`
      : html.join(
          texts.map((text) => attackHtml(text)),
          ' ',
        )
  return html`${head(html.own(rule.title), html`<a href="/rules">All rules</a> · <code>${html.own(rule.id)}</code>`)}
<div class="cols">
${card(
  'wh',
  html`What it is`,
  html`<div class="body"><dl class="kv"><dt>Score</dt><dd>${rule.axis === 'hazard' ? hazardScale(rule.score, true) : threatScale(rule.score, true)}</dd><dt>Techniques</dt><dd>${techniques(rule.techniques)}</dd><dt>Looks at</dt><dd>${html.own(rule.on.join(', '))}</dd><dt>Family</dt><dd>${rule.family === null ? html`<span class="faint">none</span>` : html.own(rule.family)}</dd><dt>Reason</dt><dd>${html.own(rule.reason)}</dd><dt>Pattern</dt><dd>${rule.pattern === null ? html`<span class="faint">a literal or command alone is a hit</span>` : attackHtml(rule.pattern)}</dd><dt>Commands</dt><dd>${list(rule.commands)}</dd><dt>Literals</dt><dd>${list(rule.literals)}</dd><dt>Called wrong</dt><dd>${counted(rule.falsePositives, 'time', 'times')} by reviewers</dd></dl></div>`,
  { width: 7, meta: html`version ${rule.version}` },
)}
${card('hi', html`Hits by day`, html`<div class="body">${dayChart(rule.hitsByDay)}</div>`, { width: 5, meta: html`${counted(total, 'event', 'events')} in ${RULE_DAYS} days` })}
${card('ma', html`Texts that it hits`, examples(rule.matches), { width: 6 })}
${card('mi', html`Texts that it must not hit`, examples(rule.misses), { width: 6 })}
</div>`
}

function dayChart(days: RuleDetail['hitsByDay']): Html {
  return chart({
    title: 'Events a day',
    unit: 'events',
    startUs: Date.parse(days[0]!.day) * 1000,
    stepUs: US_PER_DAY,
    values: days.map((one) => one.events),
    isShort: true,
  })
}

function trialForm(csrf: string, body: Asked['body'], error: Html | undefined): Html {
  const invalid = error === undefined ? html`` : html` aria-invalid="true"`
  return card(
    'tr',
    html`Try a text`,
    html`<form class="body stack" method="post" action="/rules/test">${csrfField(csrf)}<div><label class="label" for="tx">Text</label><textarea class="text mono" id="tx" name="text" rows="3" required maxlength="${LIMITS.webTryCharsMax}" spellcheck="false" aria-describedby="tx-h"${invalid}>${htmlAttribute(body['text'] ?? '')}</textarea>${error === undefined ? html`` : html`<p class="wrong" role="alert">${error}</p>`}<p class="help" id="tx-h">It is only looked at: nothing runs it, nothing keeps it.</p></div><div class="row">${selectField(
      'kind',
      'Kind of text',
      FIELD_CLASSES.map((kind) => [kind, kind] as const),
      body['kind'] ?? 'command',
    )}<label class="row"><input type="checkbox" name="visible" value="yes"${body['visible'] === 'yes' ? html` checked` : html``}><span class="small">read <code>\\u{202E}</code> as the character</span></label><button class="btn primary end" type="submit">${icon('play')}Try</button></div></form>`,
  )
}

function trialCard(trial: Trial): Html {
  const layers = trial.texts.map(
    (text, i) =>
      html`<li><div class="n"><b>${i === 0 ? html`As typed` : html`Read as`}</b>${i === 0 ? html`` : html`step ${i}`}</div>${attackHtml(text)}</li>`,
  )
  const hits = trial.rules.map(
    (one) =>
      html`<tr><th scope="row" class="wide">${html.own(one.title)}<span class="l2"><a href="${htmlHref(['rules', one.id])}"><code>${html.own(one.id)}</code></a></span></th><td data-l="Score">${one.id.startsWith('hazard.') ? hazardScale(one.score) : threatScale(one.score)}</td><td data-l="Techniques">${techniques(one.techniques)}</td><td class="wide" data-l="Found">${one.found === null ? html`<span class="faint">–</span>` : attackHtml(one.found)}</td></tr>`,
  )
  return html`<section class="card" aria-labelledby="tc"><header><h2 id="tc">What the rules say</h2><span class="meta">rule set <code>${html.own(trial.ruleSet)}</code></span></header><div class="body stack"><div class="row">${threatScale(trial.threat, true)}${hazardScale(trial.hazard, true)}</div>${trial.layers.length === 0 ? html`<p class="small dim">Nothing had to be unwrapped.</p>` : html`<p class="small dim">Unwrapped: ${html.own(trial.layers.join(', '))}</p>`}<ol class="layers">${html.join(layers)}</ol></div>${
    hits.length === 0
      ? html`<div class="pad small dim">No rule hits.</div>`
      : html`<div class="scroll"><table class="rows cards"><caption class="sr">Rules that hit</caption><thead><tr><th scope="col">Rule</th><th scope="col">Score</th><th scope="col">Techniques</th><th scope="col">Found</th></tr></thead><tbody>${html.join(hits, '\n')}</tbody></table></div>`
  }</section>`
}
