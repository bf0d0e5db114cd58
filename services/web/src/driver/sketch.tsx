/** The permitted road, the route ahead, the places on it and the truck, north up; drawn from what the phone has. */

import type { LonLat, Permit } from "../contract.ts";
import { corridorLines } from "../domain/permits.ts";
import { boundsOf, distanceM } from "../domain/places.ts";
import { distance } from "../words/format.ts";
import { words } from "../words/index.ts";
import { here } from "./driving.ts";
import { left, plan } from "./state.ts";

export interface SketchProps {
  permit: Permit;
}

/** Units of the drawing. */
const SIZE = 300;
const EDGE = 14;
const SCALES_M = [100, 200, 500, 1_000, 2_000, 5_000, 10_000] as const;

export function Sketch({ permit }: SketchProps) {
  const lines = corridorLines(permit);
  const fix = here.value;
  const visits = left.value.filter(({ visit }) => visit.kind === "tip" || visit.kind === "collect").slice(0, 30);
  const route = plan.value?.path?.type === "LineString" ? (plan.value.path.coordinates as LonLat[]) : [];
  const bounds = boundsOf([...lines.flat(), ...(fix ? [fix.place] : [])]);
  if (!bounds) return null;
  const [west, south, east, north] = bounds;
  const shrink = Math.cos((((south + north) / 2) * Math.PI) / 180);
  const unit = (SIZE - 2 * EDGE) / Math.max((east - west) * shrink, north - south, 1e-4);
  const at = ([lon, lat]: LonLat): [number, number] => [
    EDGE + (lon - west) * shrink * unit,
    EDGE + (north - lat) * unit,
  ];
  const drawn = (line: readonly LonLat[]) =>
    line
      .map(
        (place, n) =>
          `${n ? "L" : "M"}${at(place)
            .map(one => one.toFixed(1))
            .join(" ")}`,
      )
      .join("");
  const perMetre = unit / (distanceM([0, 0], [0, 1]) || 1);
  const scale_m = SCALES_M.findLast(one => one * perMetre <= SIZE / 3) ?? SCALES_M[0];
  const width = 2 * (permit.corridor_m ?? 0) * perMetre;
  return (
    <svg class="sketch" viewBox={`0 0 ${SIZE} ${SIZE}`} role="img" aria-label={words.value.drive.permit.sketch}>
      {lines.map((line, n) => (
        <path key={n} class="corridor" d={drawn(line)} style={{ strokeWidth: Math.max(6, width) }} />
      ))}
      <path class="route" d={drawn(route)} />
      {lines.map((line, n) => (
        <path key={n} class="middle" d={drawn(line)} />
      ))}
      {visits.map(({ visit, index }) => {
        const [x, y] = at([visit.lon, visit.lat]);
        return visit.kind === "tip" ? (
          <rect key={index} class="site" x={x - 6} y={y - 6} width="12" height="12" />
        ) : (
          <circle key={index} class="stop" cx={x} cy={y} r="4" />
        );
      })}
      {fix && <Truck place={at(fix.place)} heading_deg={fix.heading_deg} />}
      <g transform={`translate(${EDGE} ${SIZE - 8})`}>
        <path class="scale" d={`M0 0H${(scale_m * perMetre).toFixed(1)}`} />
        <text y="-4" font-size="12">
          {distance(scale_m)}
        </text>
      </g>
    </svg>
  );
}

function Truck({ place: [x, y], heading_deg }: { place: [number, number]; heading_deg: number | null }) {
  return (
    <path
      class="truck"
      d="M0 -10L8 8L0 4L-8 8Z"
      transform={`translate(${x.toFixed(1)} ${y.toFixed(1)}) rotate(${heading_deg ?? 0})`}
    />
  );
}
