/** A turn as words of the page's language, to read and to speak. The planner writes codes (`services/planner/turns.py`). */

import { wordFor, words } from "../words/index.ts";

/** "turn:slight_left" is what to do, and where to; "circle:2" the exit. */
export function partsOf(code: string): [what: string, way: string] {
  const [what = "", way = ""] = code.split(":", 2);
  return [what, way];
}

/** "Turn left into Rua do Almada". `place`: what is at the end of the way. What nobody knows is "straight on". */
export function turnText(code: string, road: string, place: string): string {
  const w = words.value.turns;
  const [what, way] = partsOf(code);
  const side = way.includes("left") ? "left" : way.includes("right") ? "right" : null;
  const onto = road ? w.onto(road) : "";
  if (what === "depart") return w.depart(road);
  if (what === "arrive") return w.arrive(place) + (side ? w.side[side] : "");
  if (what === "circle") return w.circle(Number(way) || 0) + onto;
  if (side && what === "keep") return w.keep[side] + onto;
  if (side && what === "merge") return w.merge[side] + onto;
  if (side && what === "ramp") return w.ramp[side] + onto;
  if (side && what === "exit") return w.exit[side] + onto;
  return wordFor(w.way, what === "turn" && Object.hasOwn(w.way, way) ? way : "straight") + onto;
}

/** To be spoken: "In 200 metres, turn left into …"; `in_m` null = now. */
export function turnSpoken(in_m: number | null, code: string, road: string, place: string): string {
  const w = words.value.turns;
  const said = turnText(code, road, place);
  return in_m === null ? said : w.in(w.metres(in_m), said);
}

const ARROWS: Record<string, number> = {
  straight: 0,
  slight_right: 40,
  right: 90,
  sharp_right: 135,
  uturn: 180,
  sharp_left: -135,
  left: -90,
  slight_left: -40,
};

/** Where the arrow of a turn points, degrees clockwise from straight on. */
export function arrowDeg(code: string): number {
  const [what, way] = partsOf(code);
  if (what === "arrive") return 0;
  if (what === "keep" || what === "merge" || what === "ramp" || what === "exit")
    return way.includes("left") ? -40 : way.includes("right") ? 40 : 0;
  return ARROWS[way] ?? 0;
}
