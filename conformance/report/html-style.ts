/**
 * The style of the HTML report, light and dark, without fonts or images from other servers. A verdict has a sign and a word, and not only a
 * colour. The style also implements the filter: the checked radio button determines which cases are shown.
 */

/** The choices of the filter besides "all". Each choice shows the cases with this CSS class. */
const filtered = ['failed', 'non-strict', 'informational', 'not-applicable', 'ok', 'flaky'] as const;

const hidden: string = filtered
  .map(
    (name) =>
      `#cases:has(#show-${name}:checked) .row:not(.${name}),#cases:has(#show-${name}:checked) .group:not(.has-${name}){display:none}`,
  )
  .join('\n');

const colours = (name: string): string => `.${name}{--tone:var(--${name});--tint:var(--${name}-ground)}`;

export const style: string = `
:root{color-scheme:light dark;--ground:#fff;--raised:#f5f7f9;--ink:#16191d;--soft:#515b66;--line:#d5dbe1;--link:#0b57a8;--ok:#11692f;--ok-ground:#e3f4e8;--failed:#b3171c;--failed-ground:#fdeaea;--non-strict:#8a5300;--non-strict-ground:#fff1d6;--informational:#2b559b;--informational-ground:#e8effb;--not-applicable:#5c6670;--not-applicable-ground:#eceff2}
@media(prefers-color-scheme:dark){:root{--ground:#14171b;--raised:#1c2126;--ink:#e9edf1;--soft:#a5b0bb;--line:#353d46;--link:#84bdff;--ok:#73d591;--ok-ground:#12331e;--failed:#ff9493;--failed-ground:#43191b;--non-strict:#ffc869;--non-strict-ground:#3c2a08;--informational:#a6c4ff;--informational-ground:#1b2b4a;--not-applicable:#a5b0bb;--not-applicable-ground:#262c33}}
${filtered.map(colours).join('')}
*{box-sizing:border-box}
body{overflow-wrap:anywhere;margin:0 auto;max-width:70rem;padding:0 1.25rem 4rem;background:var(--ground);color:var(--ink);font:1rem/1.5 system-ui,"Liberation Sans",sans-serif}
header{display:flex;flex-wrap:wrap;justify-content:space-between;align-items:baseline;gap:0 1rem;padding:.9rem 0 .6rem;color:var(--soft);font-size:.9rem}
h1{margin:0;font-size:.9rem;font-weight:600;letter-spacing:.01em}
h2{margin:2.2rem 0 .5rem;font-size:1.2rem}h3{margin:1.3rem 0 .35rem;font-size:.95rem;color:var(--soft);font-weight:600}small{color:var(--soft);font-weight:normal;font-size:.85em}
a{color:var(--link)}:focus-visible{outline:3px solid var(--link);outline-offset:2px;border-radius:3px}[hidden]{display:none!important}
.skip{position:absolute;left:-99rem;padding:.4rem .8rem;background:var(--raised)}.skip:focus{left:1rem;top:.5rem;z-index:1}
code,pre,.id,.at{font-family:ui-monospace,"DejaVu Sans Mono",monospace;font-size:.9em}
.verdict{border:1px solid var(--line);border-left:6px solid var(--tone);border-radius:8px;padding:1rem 1.25rem 1.1rem;margin:0 0 1rem;background:var(--raised)}
.verdict h2{margin:0;font-size:1.05rem}.figure{margin:.1rem 0 .8rem;font-size:1.35rem;color:var(--soft)}.figure strong{color:var(--tone);font-size:2.1rem;line-height:1.15;letter-spacing:-.02em;margin-right:.15em}
.bar{display:flex;gap:2px;height:.9rem;border-radius:5px;overflow:hidden}.bar span{background:var(--tone);min-width:6px;flex-basis:0}
.legend{display:flex;flex-wrap:wrap;gap:.15rem 1.4rem;margin:.7rem 0 0;padding:0;list-style:none;font-size:.95rem}.legend .sign{color:var(--tone);font-weight:700}
.sign{display:inline-block;min-width:1.1em}
.case{border:1px solid var(--line);border-left:4px solid var(--tone);border-radius:6px;margin:.35rem 0}
.case summary{display:grid;grid-template-columns:5.8rem minmax(0,1fr) auto;gap:.05rem .8rem;padding:.45rem .8rem;cursor:pointer;list-style:none}.case summary::-webkit-details-marker{display:none}
.case summary .id{font-weight:700;line-height:1.65;white-space:nowrap}.case summary .id::before{content:"▸ ";color:var(--soft);font-weight:400}.case[open] summary .id::before{content:"▾ "}
.case .why{font-weight:500}.case .rule{color:var(--soft);font-size:.85rem;white-space:nowrap}.case .what{grid-column:2/-1;color:var(--soft);font-size:.88rem}
.case[open]>summary{border-bottom:1px solid var(--line);background:var(--tint);border-radius:0 5px 0 0}
.notes,#cases{margin-top:1rem;border:1px solid var(--line);border-radius:8px}.notes>summary,#cases>summary{padding:.6rem 1rem;cursor:pointer;font-weight:600;background:var(--raised);border-radius:8px}.notes>:not(summary){margin:.4rem .8rem}
#cases>:not(summary){margin:.8rem 1rem}
.body{padding:.8rem}dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.2rem 1rem;margin:0 0 .8rem}dt{color:var(--soft)}dd{margin:0}
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}th,td{padding:.35rem .7rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}thead th{background:var(--raised);font-size:.88rem}
.matrix{width:100%;max-width:48rem}.matrix tbody th{font-weight:normal}.matrix th .id{display:inline-block;min-width:2.2em;font-weight:bold}.matrix td{background:var(--tint);color:var(--tone);white-space:nowrap}.matrix td a{color:inherit;font-weight:600;text-decoration:none}.matrix td a:hover{text-decoration:underline}.matrix td small{color:inherit;margin-left:.8em}.matrix .none{color:var(--soft)}
fieldset{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;border:0;padding:0;margin:0}legend{float:left;font-weight:600;margin-right:1rem}label{cursor:pointer}
#tools input{font:inherit;padding:.25rem .5rem;border:1px solid var(--line);border-radius:5px;background:var(--ground);color:inherit;width:min(20rem,60vw)}#count{color:var(--soft);margin-left:.5rem}
.all{width:100%;font-size:.92rem}.all th button{all:unset;cursor:pointer;text-decoration:underline dotted}.all th button:focus-visible{outline:3px solid var(--link)}.all th[aria-sort=ascending] button::after{content:" ↑"}.all th[aria-sort=descending] button::after{content:" ↓"}
.all small{display:block}.all .why{color:var(--tone)}.all .v{white-space:nowrap;color:var(--tone);font-weight:600}.all .rule,.all .id{white-space:nowrap}.all .ms{text-align:right;white-space:nowrap}.all th{white-space:nowrap}.all .group th{background:var(--raised);padding-top:.7rem;scroll-margin-top:1rem}
.compare{width:100%;margin-bottom:.8rem;table-layout:fixed}.compare th:first-child{width:5.5rem}.compare ol,.compare p{margin:0}.compare ol{padding-left:1.4rem}
.timeline{width:100%;font-size:.88rem}.timeline caption{text-align:left;font-weight:600;padding-bottom:.3rem}.timeline td{padding:.15rem .6rem}.at,.by{white-space:nowrap}.at{text-align:right}.by-peer .by{color:var(--non-strict)}.by-judge .by{color:var(--informational)}
.timeline td:last-child{max-width:32rem;overflow-wrap:anywhere}.timeline pre{margin:0;white-space:pre-wrap;overflow-wrap:anywhere}.bytes,.tcp,.timer{color:var(--soft)}.event{font-weight:600}.note td{background:var(--failed-ground);color:var(--failed)}.skipped{text-align:center;color:var(--soft)}
@media(max-width:40rem){body{padding:0 .8rem 3rem}.verdict{padding:.8rem .9rem}.figure{font-size:1.15rem}.figure strong{font-size:1.75rem}.case summary{grid-template-columns:minmax(0,1fr) auto;padding:.45rem .6rem}.case .why,.case .what{grid-column:1/-1}.case summary .rule{grid-row:1;grid-column:2}.matrix td{white-space:normal}.matrix td small{display:block;margin:0}.all thead,.all .rule,.all .ms{display:none}.all tr.row{display:block;border-bottom:1px solid var(--line);padding:.3rem 0}.all .row td{display:inline-block;border:0;padding:.05rem .3rem}.all .row td:nth-child(3){display:block}.all .row .rule,.all .row .ms{display:none}dl{display:block}dd{margin-bottom:.4rem}}
@media print{form,nav,#tools{display:none}}
${hidden}
`;
