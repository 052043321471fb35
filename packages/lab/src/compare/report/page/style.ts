/** The page's style. Light and dark follow the system; eight colours, which lines help with a pattern and a mark each. */
export const style = `
:root { color-scheme: light dark; --ground: #ffffff; --ink: #1b1f24; --soft: #5b6570; --line: #d5dae0; --good: #0a7d4b;
  --c0: #2060c0; --c1: #c2410c; --c2: #0f8a6d; --c3: #a21caf; --c4: #b08900; --c5: #0891b2; --c6: #7c2d52; --c7: #57606a; }
@media (prefers-color-scheme: dark) { :root { --ground: #14181d; --ink: #e7ebef; --soft: #9aa5b1; --line: #353d47; --good: #45c98a;
  --c0: #79aefc; --c1: #fb8f55; --c2: #4bd6b0; --c3: #e28bf0; --c4: #e9c74b; --c5: #5fd4ee; --c6: #ffc2d4; --c7: #a9b4c0; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 66rem; padding: 1rem; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.2; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
p, li { max-width: 46rem; } .soft { color: var(--soft); } .best { color: var(--good); font-weight: 600; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; }
th:first-child, .words td { text-align: left; } th:first-child { position: sticky; left: 0; background: var(--ground); }
.wide table { margin: 0 0 1rem; } .legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; padding: 0; margin: .4rem 0; list-style: none; font-size: .85rem; }
.legend svg { width: 2.25rem; min-width: 0; display: inline-block; vertical-align: middle; margin-right: .4rem; } summary { font-size: .85rem; color: var(--soft); cursor: pointer; } th[scope=row] { font-weight: 500; } .words td { min-width: 11rem; }
pre { overflow-x: auto; padding: .6rem; border: 1px solid var(--line); border-radius: .4rem; font-size: .8rem; }
.beware { border-left: .3rem solid var(--c1); padding-left: .8rem; }
.verdict { display: inline-block; min-width: 7.5rem; font-weight: 600; }
figure { margin: 1rem 0; } svg { width: 100%; min-width: 34rem; height: auto; display: block; } svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
svg .soft { fill: var(--soft); } svg .line { stroke: var(--line); } figcaption { font-size: .85rem; color: var(--soft); }
ol.claims { list-style: none; padding: 0; } ol.claims li { margin-bottom: .9rem; }
`;
