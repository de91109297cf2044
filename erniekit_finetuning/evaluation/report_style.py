"""The report's one style sheet: system fonts, light and dark, readable when printed."""

STYLE = """
:root { --ink:#1c2430; --soft:#5b6778; --line:#e3e8ef; --paper:#fff; --ground:#f5f7fa;
  --good:#0b7a4b; --good-bg:#e5f5ed; --bad:#b3261e; --bad-bg:#fdeceb; --warn:#8a5a00;
  --warn-bg:#fff4dc; --accent:#2457c5; }
@media (prefers-color-scheme: dark) { :root { --ink:#e6eaf0; --soft:#98a3b3; --line:#2e3743;
  --paper:#1a2029; --ground:#12171e; --good:#5fd39c; --good-bg:#123526; --bad:#ff8a80;
  --bad-bg:#3f1a18; --warn:#f2c261; --warn-bg:#3a2d10; --accent:#8db0ff; } }
* { box-sizing:border-box; }
body { margin:0; background:var(--ground); color:var(--ink);
  font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif; }
main { max-width:1180px; margin:0 auto; padding:40px 24px 64px; }
h1 { font-size:26px; line-height:1.25; margin:0 0 4px; letter-spacing:-.01em; }
h2 { font-size:18px; margin:0 0 14px; }
h3 { font-size:15px; margin:0; }
p { margin:0 0 10px; } .soft { color:var(--soft); } .small { font-size:13px; }
section { background:var(--paper); border:1px solid var(--line); border-radius:10px;
  padding:22px 24px; margin-top:20px; }
.verdict { border-left:5px solid var(--soft); font-size:18px; line-height:1.45; }
.verdict p { margin:0; }
.verdict.better { border-left-color:var(--good); } .verdict.worse { border-left-color:var(--bad); }
.tiles { display:grid; grid-template-columns:repeat(auto-fit,minmax(165px,1fr)); gap:12px;
  margin-top:20px; }
.tile { background:var(--paper); border:1px solid var(--line); border-radius:10px;
  padding:14px 16px; }
.tile b { display:block; font-size:26px; line-height:1.2; font-weight:650;
  font-variant-numeric:tabular-nums; }
table { border-collapse:collapse; width:100%; font-variant-numeric:tabular-nums; }
th, td { text-align:left; padding:7px 10px; border-bottom:1px solid var(--line);
  vertical-align:top; overflow-wrap:anywhere; }
tr:last-child td { border-bottom:0; }
th { color:var(--soft); font-weight:600; font-size:13px; }
td.n, th.n { text-align:right; white-space:nowrap; }
td.field { color:var(--soft); white-space:nowrap; } td.number { white-space:nowrap; }
.up { color:var(--good); font-weight:600; } .down { color:var(--bad); font-weight:600; }
.value { display:inline-block; min-width:4.4em; }
.bar { display:inline-block; width:150px; height:7px; border-radius:4px; background:var(--line);
  margin-right:10px; vertical-align:middle; overflow:hidden; }
.bar i { display:block; height:100%; background:var(--accent); }
.bar.first i { background:var(--soft); }
.document { border-top:1px solid var(--line); padding-top:18px; margin-top:18px; }
.document:first-of-type { border-top:0; padding-top:0; margin-top:0; }
.head { display:flex; gap:12px; align-items:baseline; margin-bottom:12px; flex-wrap:wrap; }
.sides > div:first-child { height:100%; }
.sides { display:grid; grid-template-columns:1fr 1fr; gap:24px; align-items:start; }
.sides > * { min-width:0; }
.page { position:relative; margin-bottom:12px; border:1px solid var(--line); border-radius:6px;
  background:#fff; overflow:hidden; }
.page img { display:block; width:100%; }
.box { position:absolute; outline:1px solid #0b7a4b; background:rgba(11,122,75,.08);
  border-radius:1px; }
.box.wrong { outline-color:#b3261e; background:rgba(179,38,30,.14); }
.box.invented { outline-color:#b07400; background:rgba(176,116,0,.14); }
.box.expected { outline:1px dashed #2457c5; background:none; }
.box b { position:absolute; right:100%; bottom:60%; font:600 7px/1.2 system-ui,sans-serif;
  background:#b3261e; color:#fff; border-radius:2px; padding:0 2px; }
.box.invented b { background:#b07400; } .box.expected b { background:#2457c5; }
.no-page { border:1px dashed var(--line); border-radius:6px; padding:60px 20px;
  text-align:center; color:var(--soft); }
.fields { font-size:13px; } .fields td, .fields th { padding:5px 8px; }
.tag { display:inline-block; border-radius:4px; padding:0 6px; font-size:12px; font-weight:600; }
.wrong, .missing { background:var(--bad-bg); color:var(--bad); }
.invented { background:var(--warn-bg); color:var(--warn); }
td.lines { background:var(--ground); color:var(--soft); font-weight:600; }
pre { white-space:pre-wrap; overflow-wrap:anywhere; background:var(--ground); padding:12px;
  border-radius:6px; font-size:12px; margin:0 0 12px; max-height:260px; overflow:auto; }
.said { white-space:pre-wrap; overflow-wrap:anywhere; max-height:320px; overflow:auto; }
table.answers { table-layout:fixed; min-width:720px; } table.answers th:first-child { width:3em; }
.wide { overflow-x:auto; }
svg text { font-size:12px; fill:var(--ink); } svg text.soft { fill:var(--soft); }
svg.intervals { display:block; width:100%; max-width:820px; margin:0 auto 18px; }
svg .zero { stroke:var(--soft); stroke-dasharray:3 3; }
svg .span { stroke:var(--soft); stroke-width:2; } svg circle { fill:var(--soft); }
svg .span.better { stroke:var(--good); } svg circle.better { fill:var(--good); }
svg .span.worse { stroke:var(--bad); } svg circle.worse { fill:var(--bad); }
svg .frame { fill:none; stroke:var(--line); } svg circle.dot { fill:var(--accent); opacity:.75; }
.plots { display:flex; flex-wrap:wrap; gap:24px; } svg.reliability { width:300px; }
.matrix { flex:1 1 320px; }
.curves { display:block; margin:0 auto; max-width:860px; width:100%; border-radius:6px;
  background:#fff; }
@media (max-width:800px) { .sides { grid-template-columns:1fr; }
  main { padding:20px 12px; } }
@media print { body { background:#fff; } section, .tile { break-inside:avoid; } }
"""
