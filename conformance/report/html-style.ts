/**
 * The HTML report's style: light and dark, no font and no image from elsewhere. Verdicts have signs and words beside their
 * colours. The filter is here too: which cases are shown follows from the radio button that is checked.
 */

/** What the filter offers beyond "all": a class of cases each. */
const filtered = ['noted', 'failed', 'non-strict', 'unimplemented', 'informational', 'ok', 'flaky'] as const;

const hidden: string = filtered
  .map(
    (name) =>
      `body:has(#show-${name}:checked) .case:not(.${name}),body:has(#show-${name}:checked) .group:not(.has-${name}){display:none}`,
  )
  .join('\n');

export const style: string = `
:root{color-scheme:light dark;--ground:#fff;--raised:#f4f6f8;--ink:#16191d;--soft:#4d5661;--line:#ccd3da;--link:#0b57a8;--ok:#0e6b2f;--ok-ground:#e2f4e7;--failed:#a4161a;--failed-ground:#fde6e6;--non-strict:#7a4a00;--non-strict-ground:#fff0d4;--informational:#274b8f;--informational-ground:#e6edfa;--unimplemented:#5b3a86;--unimplemented-ground:#f0e7fa}
@media(prefers-color-scheme:dark){:root{--ground:#14171b;--raised:#1d2227;--ink:#e9edf1;--soft:#a9b4bf;--line:#3a434c;--link:#84bdff;--ok:#7fdc9b;--ok-ground:#12331e;--failed:#ff9d9d;--failed-ground:#471a1c;--non-strict:#ffcb73;--non-strict-ground:#3f2c08;--informational:#a6c4ff;--informational-ground:#1b2b4a;--unimplemented:#d3b4fb;--unimplemented-ground:#34224a}}
*{box-sizing:border-box}
body{overflow-wrap:anywhere;margin:0 auto;max-width:78rem;padding:1rem 1.25rem 4rem;background:var(--ground);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
h1{margin:.5rem 0 0;font-size:1.7rem}h2{margin:2rem 0 .5rem;font-size:1.25rem}h3{margin:2rem 0 0;font-size:1.15rem}h4{margin:1.5rem 0 .4rem;font-size:1rem;scroll-margin-top:1rem}
header p{margin:.2rem 0;color:var(--soft)}small{color:var(--soft);font-weight:normal;font-size:.85em}
a{color:var(--link)}:focus-visible{outline:3px solid var(--link);outline-offset:2px;border-radius:3px}
.skip{position:absolute;left:-99rem;padding:.4rem .8rem;background:var(--raised)}.skip:focus{left:1rem;top:.5rem;z-index:1}
code,pre,.id,.at{font-family:ui-monospace,"DejaVu Sans Mono",monospace;font-size:.86em}
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}th,td{padding:.35rem .7rem;border:1px solid var(--line);text-align:left;vertical-align:top}
thead th,tfoot th,tfoot td{background:var(--raised)}.matrix tbody th{font-weight:normal}.matrix th .id{display:inline-block;min-width:2.2em;font-weight:bold}
.matrix td{white-space:nowrap}.matrix td a{color:inherit;font-weight:600}.matrix td small{display:block;color:inherit}.none{color:var(--soft)}.sign{display:inline-block;min-width:1.3em}
.matrix .ok,.badge.ok{background:var(--ok-ground);color:var(--ok)}.matrix .failed,.badge.failed{background:var(--failed-ground);color:var(--failed)}
.matrix .non-strict,.badge.non-strict{background:var(--non-strict-ground);color:var(--non-strict)}.matrix .informational,.badge.informational{background:var(--informational-ground);color:var(--informational)}
.matrix .unimplemented,.badge.unimplemented{background:var(--unimplemented-ground);color:var(--unimplemented)}
form{margin-top:1.5rem}fieldset{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;border:1px solid var(--line);border-radius:6px;padding:.5rem 1rem}legend{font-weight:600;padding:0 .3rem}label{cursor:pointer}
.case{border:1px solid var(--line);border-radius:6px;margin:.3rem 0;content-visibility:auto;contain-intrinsic-size:auto 2.5rem}
summary{padding:.4rem .7rem;cursor:pointer;overflow-wrap:anywhere}summary .id{font-weight:bold}.case[open]>summary{border-bottom:1px solid var(--line);background:var(--raised);border-radius:6px 6px 0 0}
.badge{display:inline-block;min-width:8.2rem;padding:0 .5rem;border-radius:4px;font-size:.85rem;font-weight:600}
.body{padding:.7rem}dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.2rem 1rem;margin:0 0 .8rem}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
.compare{width:100%;margin-bottom:.8rem;table-layout:fixed}.compare th:first-child{width:5.5rem}.compare ol,.compare p{margin:0}.compare ol{padding-left:1.4rem}.compare td{overflow-wrap:anywhere}
.timeline{width:100%;font-size:.92rem}.timeline caption{text-align:left;font-weight:600;padding-bottom:.3rem}.timeline td{padding:.15rem .6rem}.at,.by{white-space:nowrap}.at{text-align:right}.by-peer .by{color:var(--non-strict)}.by-judge .by{color:var(--informational)}
.timeline td:last-child{max-width:32rem;overflow-wrap:anywhere}.timeline pre{margin:0;white-space:pre-wrap;overflow-wrap:anywhere}.octets,.tcp,.timer{color:var(--soft)}.event{font-weight:600}.note td{background:var(--failed-ground);color:var(--failed)}.skipped{text-align:center;color:var(--soft)}
@media print{.case{content-visibility:visible}form,nav{display:none}}
${hidden}
`;
