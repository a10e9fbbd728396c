import { Html } from "./html.js";

/** The style of the status page: in light and dark, and with one cell per line where the window is narrow. */
export const pageStyle = new Html(`
:root { color-scheme: light dark; --text: #1b1f24; --quiet: #59636e; --line: #d1d9e0; --page: #fff; --row: #f6f8fa; --link: #0a56c2;
  --good: #116329; --good-page: #dafbe1; --bad: #8a1c12; --bad-page: #ffe5e0; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6edf3; --quiet: #9aa5b1; --line: #3a424c; --page: #0f1318; --row: #171c23; --link: #79b4ff;
    --good: #7ee2a0; --good-page: #12361f; --bad: #ffaba1; --bad-page: #4a1a14; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 110rem; padding: 1rem 1.5rem 2rem; background: var(--page); color: var(--text);
  font: 15px/1.45 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.5rem; overflow-wrap: anywhere; }
h2 { margin: 1.75rem 0 .5rem; font-size: 1.1rem; }
p { margin: .25rem 0; }
a { color: var(--link); }
.quiet { color: var(--quiet); font-size: .875rem; font-weight: normal; overflow-wrap: anywhere; }
.mark { display: inline-block; padding: 0 .45em; border-radius: .3em; font-size: .875rem; font-weight: 600;
  white-space: nowrap; }
.good { color: var(--good); background: var(--good-page); }
.bad { color: var(--bad); background: var(--bad-page); }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .35rem .6rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; overflow-wrap: anywhere; }
thead th { color: var(--quiet); font-size: .8rem; white-space: nowrap; }
tbody th, td[data-title="Object"] { min-width: 12rem; }
td[data-title="Message"], td[data-title="Status"] { width: 40%; }
table[aria-labelledby="conditions"] td[data-title="Status"] { width: auto; }
tbody tr:nth-child(even) { background: var(--row); }
td[data-title="Age"], td[data-title="Since"], td[data-title="IP"], td[data-title="Ready"] { white-space: nowrap; }
footer { margin-top: 2rem; }
@media (max-width: 45rem) {
  body { padding: .75rem; }
  thead { display: none; }
  table, tbody, tr, th, td { display: block; }
  tbody tr { margin-bottom: .75rem; border: 1px solid var(--line); border-radius: .4rem; }
  tbody th, tbody td { display: grid; grid-template-columns: 7rem 1fr; border-bottom: 0; width: auto; min-width: 0; padding: .2rem .6rem;
    white-space: normal; }
  tbody th::before, tbody td::before { content: attr(data-title); color: var(--quiet); font-size: .8rem; font-weight: normal; }
  tbody th > *, tbody td > * { grid-column: 2; justify-self: start; }
  td[data-title="Message"], td[data-title="Status"] { width: auto; }
  .mark { white-space: normal; }
  tbody td:empty { display: none; }
}
`);
