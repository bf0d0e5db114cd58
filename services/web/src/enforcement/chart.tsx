/**
 * Load and speed over time under one cursor: with the fitted loss and the limits the alert was judged by as lines, the
 * sensors as lanes, the alert's own time shaded and gaps hatched. What is drawn is said in words below.
 */

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Alert, TrackPoint } from "../contract.ts";
import { phrase } from "../say/alerts.ts";
import { theme } from "../ui/theme.ts";
import { hourMinute, hourMinuteSecond, number, weight } from "../words/format.ts";
import { words } from "../words/index.ts";
import { columns } from "./columns.ts";
import { type Fit, fitOf, type Threshold, thresholdsOf } from "./fitted.ts";
import { LANES_PX, paintOver, paintUnder, type Story } from "./paint.ts";

const HEIGHT_PX = 190 + LANES_PX;

interface Props {
  alert: Alert;
  points: readonly TrackPoint[];
}

export function TrackChart({ alert, points }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const colours = theme.value;
  const w = words.value;
  const fit = fitOf(alert, points);
  const thresholds = thresholdsOf(alert, fit);
  // what is drawn, as text: another revision that says the same draws nothing anew
  const drawn = JSON.stringify([alert.start_ms, alert.end_ms ?? alert.raised_ms, fit, thresholds]);
  useEffect(() => {
    const box = place.current;
    if (!box) return;
    const story: Story = {
      points,
      from_ms: alert.start_ms,
      to_ms: alert.end_ms ?? alert.raised_ms,
      fit,
      thresholds,
      lanes: { cover: w.desk.truck.cover, bed: w.desk.truck.bed },
      colours: palette(),
    };
    const chart = new uPlot(options(box, w.alerts, story), columns(points), box);
    const resized = new ResizeObserver(() => chart.setSize({ width: box.clientWidth, height: HEIGHT_PX }));
    resized.observe(box);
    return () => {
      resized.disconnect();
      chart.destroy();
    };
  }, [points, drawn, colours, w]);
  return (
    <>
      <div class="chart" ref={place} data-testid="chart" data-points={points.length} data-fit={fit !== null} />
      <Drawn fit={fit} thresholds={thresholds} />
    </>
  );
}

/** What the lines are, for who cannot see them and for who wonders. */
function Drawn({ fit, thresholds }: { fit: Fit | null; thresholds: readonly Threshold[] }) {
  const w = words.value.enf.chart;
  const { unit } = words.value;
  return (
    <ul class="phrases soft" data-testid="chart-lines">
      {fit && (
        <li data-testid="chart-fit">
          <b aria-hidden="true">━</b>{" "}
          {w.fit(weight(fit.before_kg), weight(fit.after_kg), weight(fit.low_kg), weight(fit.high_kg))}
        </li>
      )}
      {thresholds.map(({ scale, at, condition }) => {
        const said = phrase(condition);
        return (
          <li key={`${scale} ${condition}`}>
            <b aria-hidden="true">{scale === "kg" ? "╌╌" : "···"}</b>{" "}
            {w.limit(scale === "kg" ? weight(at) : `${number(at)} ${unit.kmh}`)}{" "}
            <span lang={said.lang}>({said.text})</span>
          </li>
        );
      })}
      <li>{w.lanes}</li>
    </ul>
  );
}

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

const palette = (): Story["colours"] => ({
  alert: colour("--critical-soft"),
  ink: colour("--ink"),
  soft: colour("--ink-soft"),
  fit: colour("--critical"),
  kg: colour("--construction"),
  kmh: colour("--recyclable"),
});

function options(box: HTMLElement, w: { load: string; speed: string }, story: Story): uPlot.Options {
  const axis = {
    stroke: story.colours.soft,
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { stroke: colour("--line") },
  };
  const highest = (scale: Threshold["scale"]) => [
    ...story.thresholds.filter(one => one.scale === scale).map(one => one.at),
    ...(scale === "kg" && story.fit ? [story.fit.before_kg] : []),
  ];
  return {
    width: box.clientWidth,
    height: HEIGHT_PX,
    padding: [null, null, LANES_PX, null],
    scales: { x: { time: false }, kg: { range: fromZero(highest("kg")) }, kmh: { range: fromZero(highest("kmh")) } },
    axes: [
      { ...axis, values: (_chart, seconds) => seconds.map(at => hourMinute(at * 1_000)) },
      { ...axis, scale: "kg", size: 58 },
      { ...axis, scale: "kmh", side: 1, size: 40, grid: { show: false } },
    ],
    series: [
      { label: "", value: (_chart, at) => (at === null ? "" : hourMinuteSecond(at * 1_000)) },
      { label: w.load, scale: "kg", stroke: story.colours.kg, width: 2, value: rounded },
      { label: w.speed, scale: "kmh", stroke: story.colours.kmh, width: 1.5, dash: [4, 3], value: rounded },
    ],
    hooks: {
      drawClear: [chart => paintUnder(chart, story)],
      draw: [chart => paintOver(chart, story)],
    },
  };
}

const rounded = (_chart: uPlot, value: number | null): string => (value === null ? "–" : String(Math.round(value)));

/** From 0 to the highest of the readings and of the lines that are drawn. */
const fromZero =
  (lines: readonly number[]) =>
  (_chart: uPlot, _least: number | null, most: number | null): [number, number] => [
    0,
    Math.max(1, most ?? 1, ...lines) * 1.08,
  ];
