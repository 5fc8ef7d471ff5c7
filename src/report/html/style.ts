import { html } from '../../output/encode/html.ts'

/**
 * How a report looks: the tokens of the dashboard as plain values, because a mailed file meets old browsers; A4 in
 * print. Colours have the meanings of the dashboard, and a word or a sign beside them.
 */
export const STYLE = html`
:root{color-scheme:light;--bg:#f3f3f0;--surface:#ffffff;--inset:#f8f8f5;--line:#e4e4de;--line-2:#c9cac3;--ink:#181b1f;--ink-2:#474c53;--ink-3:#62676e;--action:#0b6660;--action-bg:#e2f0ee;--data:#7d8a94;--data-soft:#d3d8dc;--threat-1:#806018;--threat-2:#9c5206;--threat-3:#b03a12;--threat-4:#8f1414;--hazard-1:#69618f;--hazard-2:#6544c4;--hazard-3:#7423b8;--hazard-4:#5d0a8c;--hazard-bg:#f3effb;--held:#175a9e;--held-bg:#e8f1fa;--failed:#b3102b;--failed-bg:#fcebed;--ok:#23603a;--iris-a:#eab8cf;--iris-b:#cdbcf0;--iris-c:#aecdf2;--iris-d:#aee0d0;--iris-e:#ecdfae;--atk-bg:#f2f1ec;--atk-ink:#25282c;--atk-rule:#b5b4aa;--sans:"Segoe UI Variable Text","Segoe UI",-apple-system,Roboto,"Noto Sans",Cantarell,Ubuntu,Lato,system-ui,sans-serif;--mono:ui-monospace,"SF Mono","Cascadia Mono","JetBrains Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace}
@media screen and (prefers-color-scheme:dark){:root{color-scheme:dark;--bg:#0e1012;--surface:#15181b;--inset:#1a1e21;--line:#272c30;--line-2:#424950;--ink:#eceef0;--ink-2:#b9bec4;--ink-3:#949aa2;--action:#7fd4c9;--action-bg:#14302d;--data:#7a8894;--data-soft:#353d44;--threat-1:#cdb06a;--threat-2:#e8a04f;--threat-3:#f58a63;--threat-4:#ff7b72;--hazard-1:#aea7d2;--hazard-2:#b39df7;--hazard-3:#c98bff;--hazard-4:#e28aff;--hazard-bg:#231c31;--held:#86bdf7;--held-bg:#14253a;--failed:#ff8591;--failed-bg:#381a1f;--ok:#86d3a1;--iris-a:#d79abb;--iris-b:#ad9be2;--iris-c:#86b2e4;--iris-d:#86cdb9;--iris-e:#d6c891;--atk-bg:#20252a;--atk-ink:#dfe3e7;--atk-rule:#59616a}}
*,*::before,*::after{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--bg);color:var(--ink);font:400 13.5px/1.5 var(--sans);font-variant-numeric:tabular-nums lining-nums;-webkit-print-color-adjust:exact;print-color-adjust:exact}
h1,h2,h3,p,ul,ol,figure{margin:0;padding:0}
ul,ol{list-style:none}
.sheet{max-width:860px;margin:32px auto;background:var(--surface);border:1px solid var(--line);border-radius:10px;padding:44px 48px}
.top{display:grid;grid-template-columns:minmax(0,1fr) max-content;gap:8px 24px;align-items:end;padding-bottom:20px;border-bottom:1px solid var(--line)}
.brand{display:flex;align-items:center;gap:9px;font-size:16px;font-weight:600;letter-spacing:-.02em;margin-bottom:14px}
h1{font-size:26px;line-height:1.2;font-weight:600;letter-spacing:-.015em}
h1 small{display:block;font-size:14px;font-weight:400;color:var(--ink-2);letter-spacing:0;margin-bottom:2px}
.sub{color:var(--ink-2);font-size:12.5px;margin-top:4px}
.seal{border:1.5px dashed var(--line-2);border-radius:8px;padding:10px 14px;font-size:12px;color:var(--ink-2);line-height:1.55}
.seal.sealed{border:1.5px solid transparent;background:linear-gradient(var(--surface),var(--surface)) padding-box,linear-gradient(96deg,var(--iris-a),var(--iris-b) 24%,var(--iris-c) 48%,var(--iris-d) 72%,var(--iris-e)) border-box}
.seal strong{display:flex;gap:8px;align-items:center;color:var(--ink);font-size:13.5px}
.seal span{display:block}
.pearl{width:14px;height:14px;flex:none;border:1.5px dashed var(--ink-3);border-radius:50%}
.sealed .pearl{border:0;background:radial-gradient(circle at 34% 28%,#fff 0 10%,transparent 46%),conic-gradient(from 210deg,var(--iris-a),var(--iris-b),var(--iris-c),var(--iris-d),var(--iris-e),var(--iris-a));box-shadow:inset 0 0 0 .75px rgba(60,50,90,.38)}
h2{font-size:15px;line-height:1.35;font-weight:600;margin:28px 0 10px;break-after:avoid}
h2 small{font-size:12px;font-weight:400;color:var(--ink-3);margin-left:8px}
h3{font-size:12px;font-weight:600;color:var(--ink-2);margin:14px 0 6px;break-after:avoid}
strong,b{font-weight:600}
.lead{margin-top:20px;display:grid;gap:7px;font-size:14.5px}
.lead li{padding-left:16px;position:relative}
.lead li::before{content:"";position:absolute;left:0;top:.66em;width:6px;height:2px;background:var(--ink-3)}
.lead .held::before{background:var(--held)}
.two{display:grid;grid-template-columns:minmax(0,1.25fr) minmax(0,1fr);gap:0 32px}
.even{grid-template-columns:minmax(0,1fr) minmax(0,1fr)}
table{width:100%;border-collapse:collapse;font-size:12.5px}
caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
thead{display:table-header-group}
tr{break-inside:avoid}
th{text-align:left;font-size:11px;font-weight:600;color:var(--ink-3);padding:4px 10px 5px;border-bottom:1px solid var(--line-2);vertical-align:bottom}
td,tbody th{padding:5px 10px;border-bottom:1px solid var(--line);vertical-align:top;font-size:12.5px;font-weight:400}
tbody th{color:var(--ink);font-weight:500;overflow-wrap:anywhere}
th:first-child,td:first-child{padding-left:0}
th:last-child,td:last-child{padding-right:0}
.num{text-align:right;white-space:nowrap}
thead th{white-space:nowrap}
.fix{table-layout:fixed}
.w1{width:66px}.w2{width:84px}.w3{width:118px}.w4{width:134px}
.now{font-weight:600;font-size:14px}
.dim{color:var(--ink-2)}.faint{color:var(--ink-3)}
.l2{display:block;font-size:12px;color:var(--ink-3);line-height:1.45;overflow-wrap:anywhere}
.more{font-size:12px;color:var(--ink-3);margin:6px 0}
.none{color:var(--ink-2)}
.mono{overflow-wrap:anywhere}
code,.mono{font-family:var(--mono);font-size:.923em;font-variant-ligatures:none}
.hash{font-size:11px;overflow-wrap:anywhere;color:var(--ink-2)}
.atk{font-family:var(--mono);font-size:11.5px;line-height:1.55;color:var(--atk-ink);background:var(--atk-bg);box-shadow:inset 2px 0 0 var(--atk-rule);padding:1px 6px 1px 8px;border-radius:2px 3px 3px 2px;overflow-wrap:anywhere;white-space:pre-wrap;-webkit-box-decoration-break:clone;box-decoration-break:clone;unicode-bidi:isolate}
.esc{display:inline-block;font:600 .62rem/1.35 var(--mono);color:var(--hazard-3);background:var(--hazard-bg);border:1px solid currentColor;border-radius:2px;padding:0 2.5px;margin:0 1px;vertical-align:1px;white-space:nowrap}
.why{margin-bottom:3px}
.tag{display:inline-block;padding:0 6px;border-radius:3px;font-size:11px;font-weight:600;line-height:18px;white-space:nowrap}
.tag.new{color:var(--action);background:var(--action-bg)}
.tag.held{color:var(--held);background:var(--held-bg)}
.tag.failed{color:var(--failed);background:var(--failed-bg)}
.sprite{position:absolute;width:0;height:0;overflow:hidden}
.scale{display:inline-flex;align-items:center;gap:6px;white-space:nowrap}
.scale b{min-width:1.3em;text-align:right}
.scale svg{display:block;flex:none;width:22px;height:14px}
.scale .hz{width:36px;height:10px}
.th1{color:var(--threat-1)}.th2{color:var(--threat-2)}.th3{color:var(--threat-3)}.th4{color:var(--threat-4)}
.th0,.hz0{color:var(--ink-3)}.hz1{color:var(--hazard-1)}.hz2{color:var(--hazard-2)}.hz3{color:var(--hazard-3)}.hz4{color:var(--hazard-4)}
.on{fill:currentColor}.off{fill:var(--data-soft)}.hollow{fill:none;stroke:var(--line-2)}
.f-data{fill:var(--data)}.f-line{fill:var(--line)}.f-held{fill:var(--held)}.f-most{fill:var(--ink-2)}
.grid{stroke:var(--line);stroke-width:1;vector-effect:non-scaling-stroke}
.course{fill:none;stroke:var(--ink-2);stroke-width:1.25;vector-effect:non-scaling-stroke}
.before{fill:none;stroke:var(--ink);stroke-width:1.25;stroke-dasharray:3 3;vector-effect:non-scaling-stroke}
.chart{display:grid;grid-template-columns:44px minmax(0,1fr);gap:0 8px;font-size:11px;color:var(--ink-3);break-inside:avoid}
.chart .y{display:flex;flex-direction:column;justify-content:space-between;text-align:right;margin:-7px 0;line-height:14px}
.chart .x{grid-column:2;display:flex;justify-content:space-between;padding-top:5px;line-height:14px}
.chart svg{width:100%;height:190px;display:block;overflow:visible}
.chart.low svg{height:84px}
.key{font-size:12px;color:var(--ink-3);margin:4px 0 0 52px}
.key svg{width:22px;height:8px;margin-right:6px}
.spark{display:block;width:100%;max-width:220px;height:16px}
.bars{display:grid;grid-template-columns:minmax(0,1.5fr) minmax(0,1fr) max-content;gap:6px 10px;align-items:center;font-size:12.5px}
.bars li{display:contents}
.bars .k{overflow-wrap:anywhere}
.bars .v{text-align:right;color:var(--ink-2);white-space:nowrap}
.bar{display:block;width:100%;height:8px}
td .bar{margin-top:6px}
.matrix{columns:4;column-gap:12px}
.matrix>div{margin-bottom:12px;break-inside:avoid}
.matrix h3{font-size:11px;color:var(--ink-3);margin:0 0 5px;break-after:avoid}
.tq{border:1px solid var(--line-2);border-left-width:4px;border-radius:3px;padding:4px 7px;font-size:11.5px;line-height:1.35;margin-bottom:5px;break-inside:avoid;color:var(--ink)}
.tq div{display:flex;justify-content:space-between;gap:6px;align-items:baseline}
.tq .scale{align-self:center}
.tq code{font-size:10.5px;color:var(--ink-2)}
.tq .scale{font-size:11px}
.lv1{border-left-color:var(--threat-1)}.lv2{border-left-color:var(--threat-2)}.lv3{border-left-color:var(--threat-3)}.lv4{border-left-color:var(--threat-4)}
.fates{font-size:13.5px;padding:12px 14px;background:var(--inset);border-radius:6px;margin-bottom:10px}
.fates+p{margin-bottom:8px}
.foot{margin-top:28px;padding-top:14px;border-top:1px solid var(--line);font-size:12px;color:var(--ink-2);display:grid;grid-template-columns:1fr 1fr;gap:8px 32px;break-inside:avoid}
.foot b{color:var(--ink)}
.keep{break-inside:avoid}
.scroll{position:relative}
:focus-visible{outline:2px solid var(--action);outline-offset:2px}
@media screen and (max-width:700px){.sheet{margin:0;border:0;border-radius:0;padding:24px 16px}.top,.two,.foot{grid-template-columns:minmax(0,1fr)}.matrix{columns:2}.wide{overflow-x:auto}.wide table{min-width:640px}h1{font-size:23px}.chart .x .opt{display:none}.bars{grid-template-columns:minmax(0,1.3fr) minmax(0,1fr) max-content}}
@media print{body{background:#fff;font-size:10pt}.sheet{margin:0;border:0;border-radius:0;padding:0;max-width:none}.lead{font-size:10.5pt}h1{font-size:22px}h2{margin-top:20px}.chart svg{height:170px}.chart.low svg{height:84px}.atk{font-size:10.5px}}
@page{size:A4;margin:15mm 14mm 17mm}
@page{@bottom-right{content:"Page " counter(page) " of " counter(pages);font:9px "Segoe UI",Lato,sans-serif;color:#62676e}}
`
