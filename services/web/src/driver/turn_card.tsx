/** The next turn: arrow, distance, what to do and the name of the road, in letters to be read at a glance. */

import type { Guidance } from "../domain/guidance.ts";
import { bearingDeg, distanceM } from "../domain/places.ts";
import { LAST_WORD_MS } from "../domain/position.ts";
import { arrowDeg, partsOf, turnText } from "../say/turns.ts";
import { Name } from "../ui/bits.tsx";
import { distance, span } from "../words/format.ts";
import { words } from "../words/index.ts";
import { guidance, here, nextName } from "./driving.ts";
import { next } from "./state.ts";

/** The way to the next visit. Without turns, or off the route, the straight arrow. */
export function TurnCard() {
  const w = words.value;
  const fix = here.value;
  const visit = next.value?.visit;
  if (!visit) return null;
  if (!fix) return <p class="soft">{w.cab.noPosition}</p>;
  const found = guidance.value;
  const course = (fix.speed_mps ?? 0) > 0.5 ? (fix.heading_deg ?? 0) : 0;
  return (
    <div class="turn-card" data-testid="turn" data-on={found ? String(found.on) : "none"}>
      {found?.on ? (
        <OnWay found={found} />
      ) : found ? (
        <>
          <Arrow deg={found.bearing_deg - course} />
          <span class="far">{distance(found.off_m)}</span>
          <span class="what">
            {w.drive.offRoute}
            <small>{w.drive.offBy(distance(found.off_m))}</small>
          </span>
        </>
      ) : (
        <>
          <Arrow deg={bearingDeg(fix.place, [visit.lon, visit.lat]) - course} />
          <span class="far">{distance(distanceM(fix.place, [visit.lon, visit.lat]))}</span>
          <span class="what">
            <small>{w.cab.distance}</small>
          </span>
        </>
      )}
      {fix.age_ms > LAST_WORD_MS && <p class="soft old">{w.drive.old(span(fix.age_ms))}</p>}
    </div>
  );
}

function OnWay({ found }: { found: Extract<Guidance, { on: true }> }) {
  const w = words.value.drive;
  const { turn, after } = found;
  return (
    <>
      <TurnSign code={turn.code} />
      <span class="far" data-testid="turn-far">
        {distance(found.ahead_m)}
      </span>
      <span class="what" data-testid="turn-text" data-code={turn.code}>
        <Name>{turnText(turn.code, turn.road, nextName.value)}</Name>
        {after && (
          <small>
            <Name>{w.follows(turnText(after.code, after.road, nextName.value))}</Name> ·{" "}
            {w.left(distance(found.left_m))}
          </small>
        )}
      </span>
    </>
  );
}

/** The sign of a turn: an arrow, a circle with its exit, a flag. */
export function TurnSign({ code }: { code: string }) {
  const [what, way] = partsOf(code);
  if (what === "arrive")
    return (
      <svg class="sign" viewBox="-12 -12 24 24" aria-hidden="true">
        <path d="M-5 11V-11H8L4 -6L8 -1H-3V11Z" fill="currentColor" />
      </svg>
    );
  if (what === "circle")
    return (
      <svg class="sign" viewBox="-12 -12 24 24" aria-hidden="true">
        <circle r="9" fill="none" stroke="currentColor" stroke-width="3" />
        <text y="4" text-anchor="middle" font-size="11" font-weight="700" fill="currentColor">
          {Number(way) || ""}
        </text>
      </svg>
    );
  return <Bent deg={arrowDeg(code)} />;
}

/** From below up to the middle, then where the turn goes. */
function Bent({ deg }: { deg: number }) {
  return (
    <svg class="sign" viewBox="-12 -12 24 24" aria-hidden="true">
      <path d="M0 11V1" stroke="currentColor" stroke-width="4" stroke-linecap="round" />
      <g transform={`translate(0 1) rotate(${deg})`}>
        <path d="M0 0V-6" stroke="currentColor" stroke-width="4" />
        <path d="M0 -12L6 -5H-6Z" fill="currentColor" />
      </g>
    </svg>
  );
}

function Arrow({ deg }: { deg: number }) {
  return (
    <svg class="sign" viewBox="-12 -12 24 24" aria-hidden="true">
      <path d="M0 -11 L8 9 L0 5 L-8 9 Z" fill="currentColor" transform={`rotate(${Math.round(deg)})`} />
    </svg>
  );
}
