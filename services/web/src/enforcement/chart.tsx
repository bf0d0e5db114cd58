/** Load and speed over time under one cursor, the alert's own time shaded. Gaps stay gaps. */

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { TrackPoint } from "../contract.ts";
import { theme } from "../ui/theme.ts";
import { hourMinute, hourMinuteSecond } from "../words/format.ts";
import { words } from "../words/index.ts";
import { columns } from "./columns.ts";

const HEIGHT_PX = 190;

interface Props {
  points: readonly TrackPoint[];
  from_ms: number;
  to_ms: number;
}

export function TrackChart({ points, from_ms, to_ms }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const colours = theme.value;
  const { load, speed } = words.value.alerts;
  useEffect(() => {
    const box = place.current;
    if (!box) return;
    const chart = new uPlot(options(box, { load, speed }, from_ms, to_ms), columns(points), box);
    const resized = new ResizeObserver(() => chart.setSize({ width: box.clientWidth, height: HEIGHT_PX }));
    resized.observe(box);
    return () => {
      resized.disconnect();
      chart.destroy();
    };
  }, [points, from_ms, to_ms, colours, load, speed]);
  return <div class="chart" ref={place} data-testid="chart" data-points={points.length} />;
}

function options(box: HTMLElement, w: { load: string; speed: string }, from_ms: number, to_ms: number): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour("--ink-soft"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { stroke: colour("--line") },
  };
  return {
    width: box.clientWidth,
    height: HEIGHT_PX,
    scales: { x: { time: false }, kg: { range: fromZero }, kmh: { range: fromZero } },
    axes: [
      { ...axis, values: (_chart, seconds) => seconds.map(at => hourMinute(at * 1_000)) },
      { ...axis, scale: "kg", size: 58 },
      { ...axis, scale: "kmh", side: 1, size: 40, grid: { show: false } },
    ],
    series: [
      { label: "", value: (_chart, at) => (at === null ? "" : hourMinuteSecond(at * 1_000)) },
      { label: w.load, scale: "kg", stroke: colour("--construction"), width: 2, value: rounded },
      { label: w.speed, scale: "kmh", stroke: colour("--recyclable"), width: 1.5, dash: [4, 3], value: rounded },
    ],
    hooks: { drawClear: [chart => shade(chart, from_ms, to_ms, colour("--critical-soft"))] },
  };
}

const rounded = (_chart: uPlot, value: number | null): string => (value === null ? "–" : String(Math.round(value)));

const fromZero = (_chart: uPlot, _least: number | null, most: number | null): [number, number] => [
  0,
  Math.max(1, most ?? 1) * 1.08,
];

function shade(chart: uPlot, from_ms: number, to_ms: number, colour: string): void {
  const left = chart.valToPos(from_ms / 1_000, "x", true);
  const right = chart.valToPos(to_ms / 1_000, "x", true);
  chart.ctx.save();
  chart.ctx.fillStyle = colour;
  chart.ctx.fillRect(left, chart.bbox.top, Math.max(2, right - left), chart.bbox.height);
  chart.ctx.restore();
}
