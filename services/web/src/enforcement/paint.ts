/** What is drawn on the chart beside its curves: the alert's time, gaps, limits, the fitted loss, the sensors' lanes. */

import type uPlot from "uplot";
import type { Bed, Cover, TrackPoint } from "../contract.ts";
import { gaps, lane, type Span } from "./columns.ts";
import type { Fit, Threshold } from "./fitted.ts";

/** Of a sensor's lane, and between two, CSS px. */
const LANE_PX = 14;
const APART_PX = 5;
/** Below the axis, for both lanes. */
export const LANES_PX = 2 * (LANE_PX + APART_PX) + APART_PX;

export interface Story {
  points: readonly TrackPoint[];
  from_ms: number;
  to_ms: number;
  fit: Fit | null;
  thresholds: readonly Threshold[];
  lanes: { cover: string; bed: string };
  colours: { alert: string; ink: string; soft: string; fit: string; kg: string; kmh: string };
}

const x = (chart: uPlot, at_ms: number): number => chart.valToPos(at_ms / 1_000, "x", true);
const ratio = (chart: uPlot): number => chart.ctx.canvas.width / Math.max(1, chart.width);

/** Only within the plot: a gap may begin before it. */
function within(chart: uPlot, draw: () => void): void {
  const { ctx, bbox } = chart;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  draw();
  ctx.restore();
}

/** Under the curves. */
export function paintUnder(chart: uPlot, story: Story): void {
  const { bbox, ctx } = chart;
  within(chart, () => {
    const left = x(chart, story.from_ms);
    ctx.fillStyle = story.colours.alert;
    ctx.fillRect(left, bbox.top, Math.max(2, x(chart, story.to_ms) - left), bbox.height);
    for (const gap of gaps(story.points)) {
      const from = x(chart, gap.from_ms);
      hatch(chart, from, bbox.top, x(chart, gap.to_ms) - from, bbox.height, story.colours.soft);
    }
  });
}

/** Over the curves. */
export function paintOver(chart: uPlot, story: Story): void {
  within(chart, () => {
    for (const one of story.thresholds) threshold(chart, one, story.colours[one.scale]);
    if (story.fit) fitted(chart, story.fit, story.colours.fit);
  });
  const covers = lane(story.points, ([, , , , , cover]) => cover);
  const beds = lane(story.points, ([, , , , , , bed]) => bed);
  sensorLane(chart, 0, story.lanes.cover, covers, coverHeight, story);
  sensorLane(chart, 1, story.lanes.bed, beds, bedHeight, story);
}

function threshold(chart: uPlot, { scale, at }: Threshold, colour: string): void {
  const { ctx, bbox } = chart;
  const px = ratio(chart);
  const y = chart.valToPos(at, scale, true);
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1.5 * px;
  ctx.setLineDash(scale === "kg" ? [9 * px, 4 * px] : [2 * px, 4 * px]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
}

/** Level, even fall, level; and the band in which what is left may be. */
function fitted(chart: uPlot, fit: Fit, colour: string): void {
  const { ctx, bbox } = chart;
  const px = ratio(chart);
  const y = (kg: number) => chart.valToPos(kg, "kg", true);
  const [begin, end, right] = [x(chart, fit.from_ms), x(chart, fit.to_ms), bbox.left + bbox.width];
  ctx.fillStyle = colour;
  ctx.globalAlpha = 0.18;
  ctx.beginPath();
  ctx.moveTo(begin, y(fit.before_kg));
  for (const [at, kg] of [
    [end, fit.high_kg],
    [right, fit.high_kg],
    [right, fit.low_kg],
    [end, fit.low_kg],
  ] as const)
    ctx.lineTo(at, y(kg));
  ctx.closePath();
  ctx.fill();
  ctx.globalAlpha = 1;
  ctx.strokeStyle = colour;
  ctx.lineWidth = 2.5 * px;
  ctx.setLineDash([]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y(fit.before_kg));
  ctx.lineTo(begin, y(fit.before_kg));
  ctx.lineTo(end, y(fit.after_kg));
  ctx.lineTo(right, y(fit.after_kg));
  ctx.stroke();
}

/** How high a state stands in its lane, 0 to 1; null = unknown. Height and hatching tell it, not colour. */
const coverHeight = (cover: Cover): number | null =>
  cover === "open" ? 1 : cover === "half" ? 0.5 : cover === "closed" ? 0.12 : null;
const bedHeight = (bed: Bed): number | null => (bed === "raised" ? 1 : bed === "level" ? 0.12 : null);

function sensorLane<T>(
  chart: uPlot,
  row: number,
  name: string,
  spans: Span<T>[],
  heightOf: (state: T) => number | null,
  { colours }: Story,
): void {
  const { ctx, bbox } = chart;
  const px = ratio(chart);
  const top = ctx.canvas.height - (LANES_PX - APART_PX - row * (LANE_PX + APART_PX)) * px;
  const full = LANE_PX * px;
  ctx.save();
  ctx.fillStyle = colours.soft;
  ctx.font = `${11 * px}px system-ui, sans-serif`;
  ctx.textAlign = "end";
  ctx.textBaseline = "middle";
  ctx.fillText(name, bbox.left - 6 * px, top + full / 2);
  ctx.beginPath();
  ctx.rect(bbox.left, top, bbox.width, full);
  ctx.clip();
  for (const { from_ms, to_ms, state } of spans) {
    const left = x(chart, from_ms);
    const width = Math.max(px, x(chart, to_ms) - left);
    const height = heightOf(state);
    ctx.fillStyle = colours.ink;
    if (height === null) hatch(chart, left, top, width, full, colours.soft);
    else ctx.fillRect(left, top + full * (1 - height), width, full * height);
  }
  ctx.restore();
}

function hatch(chart: uPlot, left: number, top: number, width: number, height: number, colour: string): void {
  const { ctx } = chart;
  const step = 6 * ratio(chart);
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  ctx.strokeStyle = colour;
  ctx.globalAlpha = 0.55;
  ctx.lineWidth = ratio(chart);
  ctx.beginPath();
  for (let at = left - height; at < left + width; at += step) {
    ctx.moveTo(at, top + height);
    ctx.lineTo(at + height, top);
  }
  ctx.stroke();
  ctx.restore();
}
