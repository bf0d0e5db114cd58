"""The page round the drawings: one file, nothing loaded from elsewhere, a switch between two languages that needs no script."""

from typing import Final

from streams.report import words
from streams.report.words import Said

_STYLE: Final = """
:root{color-scheme:light;--ink:#17211d;--soft:#52605a;--line:#d9dfdc;--page:#eef1ef;--open:#d55e00;--covered:#0072b2;
--uncertain:#7f3c8d;--empty:#8a9791;--told:#b5122b;--watching:#e0b000;--met:#d55e00;--gate:#d5dcd8}
*{box-sizing:border-box}
body{margin:0;padding:1rem;background:var(--page);color:var(--ink);font:15px/1.45 system-ui,"PingFang SC","Microsoft YaHei",
"Noto Sans CJK SC",sans-serif;padding-bottom:6rem}
main{max-width:1400px;margin:auto}
h1{font-size:1.35rem;margin:.2rem 0}h2{font-size:1.05rem;margin:1.4rem 0 .4rem}h3{font-size:.95rem;margin:.2rem 0}
p,ul{margin:.3rem 0}small{color:var(--soft);font-size:.82rem}
section,article{background:#fff;border:1px solid var(--line);border-radius:8px;padding:.8rem;margin:.7rem 0}
.switch{float:right;font-size:.85rem}.switch label{margin-left:.6rem;padding:.35rem 0;display:inline-block}
body:has(#zh:checked) [lang=en]:not(html),body:has(#en:checked) [lang=zh]:not(html){display:none}
table{border-collapse:collapse;width:100%;font-size:.86rem}
th,td{text-align:left;vertical-align:top;padding:.25rem .8rem .25rem 0;border-bottom:1px solid var(--line);overflow-wrap:anywhere}
td.n,th.n{text-align:right}.scroll{overflow-x:auto}
.row{display:grid;grid-template-columns:15rem 1fr;gap:0 .8rem;align-items:center;margin:.15rem 0}
.label{font-size:.84rem;line-height:1.25}.label small{display:block}
.plot{position:relative;background:#fafbfa;overflow:hidden}
.plot svg{display:block;width:100%}.tall svg{height:84px}.flat svg{height:20px}
.plot b{position:absolute;left:0;padding:0 4px;font:600 .7rem system-ui;color:var(--soft);background:#fafbfac0;pointer-events:none}
.plot .high{top:0}.plot .low{bottom:0}
.plot::after{content:"";position:absolute;top:0;bottom:0;width:1px;left:var(--at,-9px);background:#000;pointer-events:none}
.clock .plot{height:1.3rem;background:none}.clock span{position:absolute;transform:translateX(-50%);font-size:.72rem;
color:var(--soft);white-space:nowrap}
.grid{stroke:#e3e8e5;vector-effect:non-scaling-stroke;fill:none}
.curve{fill:none;stroke-width:1.5;vector-effect:non-scaling-stroke;stroke-linejoin:round;stroke-linecap:round}
.speed{stroke:#009e73}.reading{stroke:#b9c4bf}.load{stroke:#0072b2;stroke-width:2}
.limit{stroke:#b5122b;stroke-dasharray:5 4;vector-effect:non-scaling-stroke;fill:none}
.label i{display:inline-block;width:1rem;height:0;border-top:3px solid;margin:0 .3rem .2rem 0}
i.speed{color:#009e73}i.reading{color:#b9c4bf}i.load{color:#0072b2}
rect.gate{fill:var(--gate)}rect.watching{fill:var(--watching)}rect.met{fill:var(--met)}rect.told,rect.alert{fill:var(--told)}
rect.cancelled{fill:#fff;stroke:var(--told);vector-effect:non-scaling-stroke}
rect.open{fill:var(--open)}rect.half{fill:#f0a860}rect.closed{fill:var(--covered)}rect.loaded{fill:#365f8a}
rect.empty{fill:#c4ccc8}rect.raised{fill:#7f3c8d}rect.level{fill:#c4ccc8}rect.on{fill:#9bc7a8}rect.off{fill:#6b7671}
rect.main{fill:#9bc7a8}rect.backup{fill:#e0b000}rect.cut{fill:var(--told)}rect.ok{fill:#9bc7a8}rect.fault{fill:var(--told)}
rect.missing{fill:#e5e9e7}
.map{display:block;width:100%;max-height:80vh;background:#fafbfa;border:1px solid var(--line)}
.way{fill:none;stroke-width:3;stroke-linejoin:round;stroke-linecap:round}
.way.open{stroke:var(--open);stroke-width:5}.way.covered{stroke:var(--covered)}.way.uncertain{stroke:var(--uncertain);
stroke-dasharray:8 5}.way.empty{stroke:var(--empty)}.way.unknown{stroke:#17211d;stroke-width:1.5;stroke-dasharray:2 5}
.corridor{fill:none;stroke:#009e73;opacity:.18;stroke-linejoin:round;stroke-linecap:round}
.place{fill:#d9dfdc;fill-opacity:.7;stroke:#8a9791}.place.facility{fill:#9bc7a8;stroke:#1c7a46}.place.source{fill:#e7c49f;
stroke:#a85513}.place.forbidden{fill:#f3b6bf;fill-opacity:.5;stroke:#b5122b;stroke-dasharray:6 3}
.place.dead_zone{fill:#fff;stroke:#52605a;stroke-dasharray:3 3}
.map text{font:14px system-ui,"Noto Sans CJK SC",sans-serif;text-anchor:middle;paint-order:stroke;stroke:#fff;stroke-width:3px;
fill:#17211d}.map text.scale{text-anchor:start}.map path.scale{fill:none;stroke:#17211d;stroke-width:2}
.first{fill:#fff;stroke:#17211d;stroke-width:3}.last{fill:#17211d}.here{fill:none;stroke:#000;stroke-width:3}
.said{fill:none;stroke:var(--told);stroke-width:9;opacity:.45;stroke-linecap:round;stroke-linejoin:round}
.mark circle{fill:var(--told)}.mark text{fill:#fff;stroke:none;font-weight:700}
.legend{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.2rem 1rem;font-size:.82rem}
.legend i{display:inline-block;width:1.4rem;height:.8rem;margin-right:.35rem;vertical-align:-.1rem;border:1px solid transparent}
.legend i.way{height:0;border-width:4px 0 0;border-style:solid;vertical-align:.2rem}
i.way.open{border-color:var(--open)}i.way.covered{border-color:var(--covered)}i.way.uncertain{border-color:var(--uncertain);
border-style:dashed}i.way.empty{border-color:var(--empty)}i.way.unknown{border-color:#17211d;border-style:dotted}
i.corridor{background:#009e73;opacity:.25}i.place.facility{background:#9bc7a8;border-color:#1c7a46}
i.place.source{background:#e7c49f;border-color:#a85513}i.place.forbidden{background:#f3b6bf;border-color:#b5122b}
i.place.depot{background:#d9dfdc;border-color:#8a9791}
i.gate{background:var(--gate)}i.watching{background:var(--watching)}i.met{background:var(--met)}i.told{background:var(--told)}
.conditions{list-style:none;padding:0;font-size:.86rem}.no{color:var(--told)}
details>summary{cursor:pointer;padding:.4rem 0}
#said{position:fixed;left:0;right:0;bottom:0;background:#17211d;color:#fff;padding:.6rem 1rem;font-size:.86rem;white-space:pre-line;
max-height:40vh;overflow:auto}#said:empty{display:none}
.two{display:grid;grid-template-columns:minmax(16rem,26rem) 1fr;gap:1rem}
.two .row{grid-template-columns:minmax(0,1fr)}.two .map text{font-size:26px}.two .way{stroke-width:6}.two .way.open{stroke-width:9}
.two .mark circle{r:24px}.two .mark text{font-size:28px}section>h2:first-child{margin-top:0}
@media(max-width:700px){body{padding:.5rem .5rem 6rem}.row,.two{grid-template-columns:minmax(0,1fr)}.map text{font-size:30px}
.way{stroke-width:6}.way.open{stroke-width:9}.label small{display:inline;margin-left:.5rem}section,article{padding:.55rem}
.mark circle{r:24px}.mark text{font-size:28px}td,th{padding-right:.5rem}}
@media print{.switch,#said{display:none}body{background:#fff}}
"""
_SCRIPT: Final = """
(() => {
  const bar = document.getElementById('said');
  const english = () => document.getElementById('en').checked;
  const tell = target => {
    const one = target.closest && target.closest('rect,path,circle');
    const title = one && one.querySelector('title');
    if (!title) return;
    const lines = title.textContent.split('\\n');
    const half = lines.length / 2;
    bar.textContent = (lines.length % 2 ? lines : english() ? lines.slice(half) : lines.slice(0, half)).join('\\n');
  };
  document.addEventListener('click', event => tell(event.target));
  document.addEventListener('pointerover', event => { if (event.pointerType === 'mouse') tell(event.target); });
  for (const group of document.querySelectorAll('[data-way]')) {
    const way = JSON.parse(group.dataset.way);
    const here = group.querySelector('.here');
    const follow = event => {
      const plot = event.target.closest('.plot');
      if (!plot) return;
      const box = plot.getBoundingClientRect();
      const share = (event.clientX - box.left) / box.width * 1000;
      group.style.setProperty('--at', share / 10 + '%');
      let best = null;
      for (const point of way) if (!best || Math.abs(point[0] - share) < Math.abs(best[0] - share)) best = point;
      if (here && best) { here.setAttribute('cx', best[1]); here.setAttribute('cy', best[2]); }
    };
    group.addEventListener('pointermove', follow);
    group.addEventListener('pointerdown', follow);
  }
})();
"""


def page(title: Said, body: str) -> str:
    """Return a whole page. ``body`` is HTML, escaped where it was made."""
    head = words.html(title)
    plain = words.html(Said(title.en, title.en))
    return (
        '<!doctype html>\n<html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{plain}</title><style>{_STYLE}</style></head><body>"
        '<div class="switch"><label><input type="radio" name="language" id="zh" checked> 中文</label>'
        '<label><input type="radio" name="language" id="en"> English</label></div>'
        f'<main><h1>{head}</h1>{body}</main><div id="said" role="status"></div><script>{_SCRIPT}</script></body></html>\n'
    )


def table(heads: list[Said], rows: list[list[str]], numbers: int = 0) -> str:
    """Return a table of cells that are HTML; the last ``numbers`` columns are numbers."""
    first = len(heads) - numbers
    style = ['<th class="n">' if n >= first else "<th>" for n in range(len(heads))]
    head = "".join(f"{begin}{words.html(said)}</th>" for begin, said in zip(style, heads, strict=True))
    body = "".join(
        "<tr>"
        + "".join(f'<td class="n">{cell}</td>' if n >= first else f"<td>{cell}</td>" for n, cell in enumerate(row))
        + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
