/** The figures themselves: each a button that opens its records, with its target and what it was before. */

import { number, percent, span, UNKNOWN, weight } from "../words/format.ts";
import { words } from "../words/index.ts";
import { type FigureName, type Figures, inTime, share } from "./figures.ts";
import { answer, figure, open } from "./state.ts";

interface Tile {
  of: FigureName;
  title: string;
  value: string;
  before: string | null;
  lines: string[];
  /** 0 to 1, and what it should reach. */
  share?: { value: number | null; target: number };
  note?: string;
  /** Another way in: the part that needs somebody. */
  also?: { text: string; open: () => void };
}

const NOTHING = UNKNOWN;

export function Tiles({ now, before }: { now: Figures; before: Figures | null }) {
  const tiles = [collections, overflows, late, alerts, weighed, balance, driven, reports].map(make =>
    make(now, before),
  );
  return (
    <ul class="tiles" data-testid="tiles">
      {tiles.map(tile => (
        <li key={`${tile.of} ${tile.title}`}>
          <TileView tile={tile} />
        </li>
      ))}
    </ul>
  );
}

function TileView({ tile }: { tile: Tile }) {
  const w = words.value.manager;
  return (
    <div class={`tile ${figure.value === tile.of && !answer.value ? "chosen" : ""}`}>
      <button
        type="button"
        data-testid={`figure-${tile.of}`}
        aria-expanded={figure.value === tile.of}
        title={tile.note}
        onClick={() => open(tile.of)}
      >
        <span class="soft">{tile.title}</span>
        <strong class="figure">{tile.value}</strong>
        {tile.share && <Target {...tile.share} />}
        {tile.lines.map(line => (
          <span key={line}>{line}</span>
        ))}
        {tile.before !== null && <span class="soft">{w.before(tile.before)}</span>}
      </button>
      {tile.also && (
        <button type="button" class="link" data-testid={`figure-${tile.of}-also`} onClick={tile.also.open}>
          {tile.also.text}
        </button>
      )}
    </div>
  );
}

/** A bar with the target as a line in it; in words whether it is reached. */
function Target({ value, target }: { value: number | null; target: number }) {
  const w = words.value.manager;
  return (
    <span class="row-of tight">
      <span class={`target ${value === null ? "unknown" : ""}`} aria-hidden="true">
        {value !== null && <i style={{ width: `${Math.min(100, value * 100)}%` }} />}
        <b style={{ insetInlineStart: `${target * 100}%` }} />
      </span>
      <span class="soft">
        {w.target(percent(target))}
        {value === null ? "" : ` · ${value >= target ? `✓ ${w.reached}` : `✗ ${w.missed}`}`}
      </span>
    </span>
  );
}

/** A figure of the period before; null = nothing is compared. Of a time nobody heard of nothing is known. */
function earlier(before: Figures | null, of: (figures: Figures) => string): string | null {
  return before && (before.heard ? of(before) : NOTHING);
}

const known = (figures: Figures, value: number): string => (figures.heard ? number(value) : NOTHING);

function collections(now: Figures, before: Figures | null): Tile {
  const w = words.value.manager.collections;
  const done = (of: Figures) => share(of.collections.done, of.collections.due);
  const open_ = now.collections.due - now.collections.done;
  return {
    of: "due",
    title: w.title,
    value: percent(done(now)),
    before: earlier(before, of => percent(done(of))),
    lines: [w.of(known(now, now.collections.done), known(now, now.collections.due))],
    share: { value: done(now), target: now.rules.targets.collections_done },
    note: w.note,
    ...(open_ ? { also: { text: w.open(open_), open: () => open("open") } } : {}),
  };
}

function overflows(now: Figures, before: Figures | null): Tile {
  const w = words.value.manager.overflows;
  const { minutes, going_on } = now.overflows;
  return {
    of: "overflows",
    title: w.title,
    value: known(now, now.overflows.count),
    before: earlier(before, of => number(of.overflows.count)),
    lines: now.heard ? [w.minutes(span(minutes * 60_000)), ...(going_on ? [w.goingOn(going_on)] : [])] : [],
  };
}

function late(now: Figures, before: Figures | null): Tile {
  const w = words.value.manager.late;
  const { worst_minutes } = now.late;
  return {
    of: "late",
    title: w.title,
    value: known(now, now.late.trucks),
    before: earlier(before, of => number(of.late.trucks)),
    lines: worst_minutes === null ? [] : [w.worst(worst_minutes)],
    note: w.note,
  };
}

function alerts(now: Figures, before: Figures | null): Tile {
  const w = words.value.manager.alerts;
  const { in_time, late: tooLate, overdue } = now.alerts;
  return {
    of: "alerts",
    title: w.title,
    value: percent(inTime(now.alerts)),
    before: earlier(before, of => percent(inTime(of.alerts))),
    lines: [w.of(known(now, in_time), known(now, in_time + tooLate + overdue))],
    share: { value: inTime(now.alerts), target: now.rules.targets.acknowledged_in_time },
    ...(overdue ? { also: { text: w.overdue(overdue), open: () => open("alerts", { answer: "overdue" }) } } : {}),
  };
}

function weighed(now: Figures, before: Figures | null): Tile {
  const w = words.value.manager.weighed;
  const { loads, unknown_loads, rejected } = now.weighed;
  return {
    of: "weighed",
    title: w.title,
    value: weight(now.weighed.kg),
    before: earlier(before, of => weight(of.weighed.kg)),
    lines: now.heard
      ? [
          w.loads(loads),
          ...(unknown_loads ? [w.unknown(unknown_loads)] : []),
          ...(rejected ? [w.rejected(rejected)] : []),
        ]
      : [],
  };
}

function balance(now: Figures, before: Figures | null): Tile {
  const w = words.value.manager.balance;
  const { difference_kg, compared, receipts, alerts: told, alerts_lost_kg } = now.balance;
  return {
    of: "balance",
    title: w.title,
    value: weight(difference_kg),
    before: earlier(before, of => weight(of.balance.difference_kg)),
    lines: now.heard
      ? [w.compared(number(compared), number(receipts)), ...(told ? [w.alerts(told, weight(alerts_lost_kg))] : [])]
      : [],
    note: w.note,
    ...(told
      ? { also: { text: words.value.rule["mass-balance"], open: () => open("alerts", { rule: "mass-balance" }) } }
      : {}),
  };
}

function driven(now: Figures, before: Figures | null): Tile {
  const w = words.value.manager.driven;
  const skips = Object.values(now.collections.skipped).reduce((sum, one) => sum + one, 0);
  const reasons = Object.entries(now.collections.skipped).map(
    ([code, times]) => `${words.value.skip[code as keyof typeof words.value.skip] ?? code}: ${number(times)}`,
  );
  return {
    of: "skipped",
    title: w.title,
    value: known(now, now.collections.collected),
    before: earlier(before, of => number(of.collections.collected)),
    lines: now.heard ? [w.skipped(skips), ...reasons] : [],
  };
}

function reports(now: Figures, before: Figures | null): Tile {
  const w = words.value.manager.reports;
  const { overdue } = now.reports;
  return {
    of: "reports",
    title: w.title,
    value: percent(inTime(now.reports)),
    before: before && percent(inTime(before.reports)),
    lines: [w.of(number(now.reports.in_time), number(now.reports.sent))],
    share: { value: inTime(now.reports), target: now.rules.targets.reports_in_time },
    ...(overdue ? { also: { text: w.overdue(overdue), open: () => open("reports", { answer: "overdue" }) } } : {}),
  };
}
