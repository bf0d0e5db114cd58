/** Load and speed of one truck over the stretch a bar shows, under the bar's own cursor. Gaps stay gaps. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { cityNow, moment } from "../clock.ts";
import type { Track, TrackPoint } from "../contract.ts";
import { columns, pointAt } from "../enforcement/columns.ts";
import { ask } from "../http.ts";
import { theme } from "../ui/theme.ts";
import { speed, weight } from "../words/format.ts";
import { words } from "../words/index.ts";
import { looks } from "./past.ts";
import { type Span, shareOf } from "./span.ts";

const HEIGHT_PX = 48;

interface Props {
  truck_id: string;
  name: string;
  span: Span;
  onPick: (at_ms: number) => void;
}

export function TimeGraph({ truck_id, name, span, onPick }: Props) {
  const w = words.value.timebar;
  const points = useSignal<TrackPoint[]>([]);
  const place = useRef<HTMLDivElement>(null);
  const colours = theme.value;
  const { from_ms, to_ms } = span;
  const look = looks.value;

  useEffect(() => {
    let gone = false;
    const until_ms = Math.floor(Math.min(to_ms, cityNow()));
    const path = `/api/v1/trucks/${encodeURIComponent(truck_id)}/track?from_ms=${Math.floor(from_ms)}&to_ms=${until_ms}`;
    ask<Track>("GET", path).then(
      track => {
        if (!gone) points.value = track.points;
      },
      () => {
        if (!gone) points.value = []; // the graph is an extra; its absence is said by "–"
      },
    );
    return () => {
      gone = true;
    };
  }, [truck_id, from_ms, to_ms, look]);

  const drawn = points.value;
  useEffect(() => {
    const box = place.current;
    if (!box) return;
    const chart = new uPlot(options(box, span), columns(drawn), box);
    const resized = new ResizeObserver(() => chart.setSize({ width: box.clientWidth, height: HEIGHT_PX }));
    resized.observe(box);
    return () => {
      resized.disconnect();
      chart.destroy();
    };
  }, [drawn, from_ms, to_ms, colours]);

  return (
    <figure class="time-graph" data-testid="time-graph" data-points={drawn.length}>
      <figcaption>
        <bdi>{name}</bdi>
        <Values points={drawn} />
      </figcaption>
      {/* a way for the hand only: the bar under it is the one for the keyboard */}
      <div
        class="time-graph-area"
        role="img"
        aria-label={w.graph}
        ref={place}
        onPointerDown={event => {
          const box = event.currentTarget.getBoundingClientRect();
          onPick(from_ms + ((event.clientX - box.left) / box.width) * (to_ms - from_ms));
        }}
      >
        <Cursor span={span} />
      </div>
    </figure>
  );
}

/** Where the moment is; it moves without the graph being drawn again. */
function Cursor({ span }: { span: Span }) {
  const share = moment.value === null ? null : shareOf(span, moment.value);
  return share === null ? null : <i class="time-cursor" style={{ left: `${share * 100}%` }} />;
}

function Values({ points }: { points: readonly TrackPoint[] }) {
  const w = words.value.timebar;
  const here = pointAt(points, moment.value ?? cityNow());
  return (
    <span class="soft">
      <span class="graph-load">{w.load(weight(here?.[4]))}</span>
      <span class="graph-speed">{speed(here?.[3])}</span>
    </span>
  );
}

function options(box: HTMLElement, span: Span): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  return {
    width: box.clientWidth,
    height: HEIGHT_PX,
    padding: [2, 0, 2, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: false, range: [span.from_ms / 1_000, span.to_ms / 1_000] },
      kg: { range: fromZero },
      kmh: { range: fromZero },
    },
    axes: [{ show: false }, { show: false, scale: "kg" }, { show: false, scale: "kmh" }],
    series: [
      {},
      { scale: "kg", stroke: colour("--construction"), width: 2, points: { show: false } },
      { scale: "kmh", stroke: colour("--recyclable"), width: 1.5, dash: [4, 3], points: { show: false } },
    ],
  };
}

const fromZero = (_chart: uPlot, _least: number | null, most: number | null): [number, number] => [
  0,
  Math.max(1, most ?? 1) * 1.08,
];
