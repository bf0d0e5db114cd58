/** Where a truck is on its way to the next visit, and what comes next on it. Pure. Places are `[lon, lat]` in degrees. */

import type { LonLat, TruckPlan } from "../contract.ts";
import { bearingDeg, distanceM } from "./places.ts";

/** Farther than this from the line a truck is off its route: the same distance the off-route rule allows. */
export const OFF_M = 50;
/** So many legs before the one to the next visit are looked at too: stops that were skipped were never driven to. */
const LEGS_BACK = 3;
/** Fixes of one road stray; nearer than this two parts of a way are equally good, and the one farther back is meant. */
const SAME_M = 12;
/** A fix may lie behind the one before by this much without having turned round. */
const BACK_M = 40;
/** A turn that is nearer than this is being taken. */
const AT_TURN_M = 12;

export interface TurnAhead {
  code: string;
  /** Name of the road after it; "" = it has none. */
  road: string;
  /** Along the way from its beginning, m. */
  at_m: number;
}

/** The way to a visit: its line with metres from the beginning at each point, and its turns in order. */
export interface Way {
  line: LonLat[];
  ends_m: number[];
  turns: TurnAhead[];
}

export type Guidance =
  | {
      on: true;
      /** Along the way, m. */
      at_m: number;
      /** The next turn, the arrival at last. */
      turn: TurnAhead;
      /** m until it. */
      ahead_m: number;
      /** The one after it; null at the arrival. */
      after: TurnAhead | null;
      /** m until the visit. */
      left_m: number;
      /** The road it is on; "" = no name or not known. */
      road: string;
    }
  | {
      on: false;
      /** m to the nearest place of the way, and the course there. */
      off_m: number;
      bearing_deg: number;
    };

/**
 * The way to the visit at `index` of the plan, from the visit `back` places before the one it follows; null where the
 * plan says no turns.
 */
export function wayTo(plan: TruckPlan, index: number, back = 0): Way | null {
  const legs = plan.guide?.legs ?? [];
  const roads = plan.guide?.roads ?? [];
  const whole = plan.path?.type === "LineString" ? (plan.path.coordinates as LonLat[]) : [];
  const from = legs[index - 1 - back]?.[0]?.[0];
  const to = legs[index - 1]?.at(-1)?.[0];
  if (from === undefined || to === undefined || to >= whole.length || to < from) return null;
  const line = whole.slice(from, to + 1);
  const ends_m = alongM(line);
  const turns: TurnAhead[] = [];
  for (let at = index - 1 - back; at < index; at++) {
    for (const [point, code, road] of legs[at] ?? []) {
      // of the visits in between nobody departs or arrives
      if ((code === "depart" && turns.length) || (code.startsWith("arrive") && at < index - 1)) continue;
      turns.push({ code, road: roads[road] ?? "", at_m: ends_m[point - from] ?? 0 });
    }
  }
  return { line, ends_m, turns };
}

/** The guidance to the visit at `index`, by the way from the visit before or, off that, from earlier ones. */
export function guide(plan: TruckPlan, index: number, here: LonLat, before_m: number | null): Guidance | null {
  let nearest: Guidance | null = null;
  for (let back = 0; back <= LEGS_BACK; back++) {
    const way = wayTo(plan, index, back);
    if (!way) break;
    const found = along(way, here, back === 0 ? before_m : null);
    if (found.on) return found;
    if (nearest === null || (!nearest.on && found.off_m < nearest.off_m)) nearest = found;
  }
  return nearest;
}

/** Where `here` is on a way. `before_m`: where it was last, so that a road driven twice is not taken for its other half. */
export function along(way: Way, here: LonLat, before_m: number | null): Guidance {
  const places = way.line.length > 1 ? nearestOfEach(way, here) : [];
  const off_m = Math.min(
    ...places.map(place => place.off_m),
    way.line.length === 1 ? distanceM(here, first(way)) : 1e12,
  );
  if (off_m > OFF_M) {
    const nearest = places.find(place => place.off_m === off_m)?.place ?? first(way);
    return { on: false, off_m, bearing_deg: bearingDeg(here, nearest) };
  }
  const good = places.filter(place => place.off_m <= off_m + SAME_M);
  const ahead = before_m === null ? good : good.filter(place => place.at_m >= before_m - BACK_M);
  const at_m = (ahead[0] ?? good[0])?.at_m ?? 0;
  return onWay(way, at_m);
}

function onWay(way: Way, at_m: number): Guidance {
  const end_m = way.ends_m.at(-1) ?? 0;
  const rest = way.turns.filter(turn => turn.code !== "depart");
  const next = rest.findIndex((turn, at) => at === rest.length - 1 || turn.at_m > at_m + AT_TURN_M);
  const turn = rest[next] ?? { code: "arrive", road: "", at_m: end_m };
  const behind = way.turns.filter(one => one.at_m <= at_m + AT_TURN_M && one !== turn).at(-1);
  return {
    on: true,
    at_m,
    turn,
    ahead_m: Math.max(0, turn.at_m - at_m),
    after: rest[next + 1] ?? null,
    left_m: Math.max(0, end_m - at_m),
    road: behind?.road ?? "",
  };
}

const first = (way: Way): LonLat => way.line[0] ?? [0, 0];

interface Foot {
  place: LonLat;
  off_m: number;
  at_m: number;
}

/** Of each piece of the line the place nearest to `here`, on a plane that touches the ground there. */
function nearestOfEach(way: Way, here: LonLat): Foot[] {
  const shrink = Math.cos((here[1] * Math.PI) / 180);
  const feet: Foot[] = [];
  for (let at = 0; at + 1 < way.line.length; at++) {
    const [a, b] = [way.line[at] as LonLat, way.line[at + 1] as LonLat];
    const [dx, dy] = [(b[0] - a[0]) * shrink, b[1] - a[1]];
    const [hx, hy] = [(here[0] - a[0]) * shrink, here[1] - a[1]];
    const length = dx * dx + dy * dy;
    const share = length === 0 ? 0 : Math.min(1, Math.max(0, (hx * dx + hy * dy) / length));
    const place: LonLat = [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share];
    const [from_m, to_m] = [way.ends_m[at] ?? 0, way.ends_m[at + 1] ?? 0];
    feet.push({ place, off_m: distanceM(here, place), at_m: from_m + (to_m - from_m) * share });
  }
  return feet;
}

/** Metres from the beginning of a line at each of its points. */
function alongM(line: readonly LonLat[]): number[] {
  let sum_m = 0;
  return line.map((place, at) => {
    const before = line[at - 1];
    if (before) sum_m += distanceM(before, place);
    return sum_m;
  });
}
