/** The permits of the load on board: whether they hold now, till when, to where, along which road. */

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { now } from "../clock.ts";
import type { Permit } from "../contract.ts";
import { corridorLines, fromLinesM, type Holds, holds, isFor } from "../domain/permits.ts";
import { creditOf } from "../map/credit.ts";
import { session } from "../session.ts";
import { MaterialMark, Name, Tag } from "../ui/bits.tsx";
import { store } from "../ui/start.tsx";
import { dayTime, distance, localTime } from "../words/format.ts";
import { words } from "../words/index.ts";
import { here } from "./driving.ts";
import type { SketchProps } from "./sketch.tsx";
import { day, names, plan } from "./state.ts";

export function Permits() {
  const w = words.value;
  store.tables.permit.version.value;
  const streamed = [...store.tables.permit.items.values()];
  const permits = streamed.length ? streamed : (day.value?.permits ?? []);
  if (!permits.length) return null;
  const ofLoad = permits.filter(permit => isFor(permit, plan.value?.material));
  const others = permits.filter(permit => !ofLoad.includes(permit));
  return (
    <section>
      <h2 class="small">{w.cab.permit}</h2>
      <ul class="permits" data-testid="permits">
        {ofLoad.map(permit => (
          <PermitRow key={permit.permit_id} permit={permit} />
        ))}
      </ul>
      {others.length > 0 && (
        <details class="reports">
          <summary>
            {w.drive.permit.others} · {others.length}
          </summary>
          <ul class="permits">
            {others.map(permit => (
              <PermitRow key={permit.permit_id} permit={permit} />
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

const KINDS: Record<Holds, string> = {
  now: "good",
  not_now: "critical",
  expired: "critical",
  not_yet: "critical",
  hours_only: "medium",
};

function PermitRow({ permit }: { permit: Permit }) {
  const w = words.value.drive.permit;
  const state = holds(permit, now.value, localTime(now.value, permit.time_zone));
  const said = { now: w.now, not_now: w.notNow, expired: w.expired, hours_only: w.hoursOnly };
  const days = permit.days?.map(one => w.days[one - 1] ?? "").join(" ");
  return (
    <li class="permit" data-permit-id={permit.permit_id} data-holds={state}>
      <p class="row-of">
        <MaterialMark of={permit.material} />
        <strong>
          <Name>{permit.permit_id}</Name>
        </strong>
        <Tag kind={KINDS[state]}>{state === "not_yet" ? w.notYet(dayTime(permit.valid_from_ms)) : said[state]}</Tag>
      </p>
      <p>
        {hoursText(permit)} {days} {permit.valid_to_ms ? words.value.cab.permitUntil(dayTime(permit.valid_to_ms)) : ""}
        {permit.facility_ids?.length ? (
          <>
            {" "}
            → <Name>{permit.facility_ids.map(names.place).join(", ")}</Name>
          </>
        ) : null}
      </p>
      <Corridor permit={permit} />
    </li>
  );
}

function hoursText(permit: Permit): string {
  const w = words.value.drive.permit;
  if (!permit.hours) return w.always;
  return permit.hours.length ? permit.hours.map(([from, to]) => `${from}–${to}`).join(", ") : w.never;
}

function Corridor({ permit }: { permit: Permit }) {
  const w = words.value.drive.permit;
  const lines = corridorLines(permit);
  if (!lines.length) return <p class="soft">{w.anyRoad}</p>;
  const fix = here.value;
  const off_m = fix ? fromLinesM(lines, fix.place) : null;
  const allowed_m = permit.corridor_m ?? null;
  return (
    <>
      <p class="row-of">
        {off_m !== null && allowed_m !== null && (
          <Tag kind={off_m <= allowed_m ? "good" : "high"}>
            {off_m <= allowed_m ? `✓ ${w.onRoad}` : `! ${w.offRoad(distance(off_m))}`}
          </Tag>
        )}
        {allowed_m !== null && <span class="soft">{w.within(distance(allowed_m))}</span>}
      </p>
      <Drawing permit={permit} />
    </>
  );
}

/** The drawing is a file of its own: the first card does not wait for it. */
function Drawing({ permit }: { permit: Permit }) {
  const w = words.value.drive.permit;
  const [Sketch, setSketch] = useState<ComponentType<SketchProps> | null>(null);
  const [open, setOpen] = useState(false);
  useEffect(() => {
    if (open && !Sketch) void import("./sketch.tsx").then(found => setSketch(() => found.Sketch));
  }, [open]);
  return (
    <details class="reports" onToggle={event => setOpen(event.currentTarget.open)}>
      <summary data-testid="show-road">{w.show}</summary>
      {open && Sketch && (
        <>
          <Sketch permit={permit} />
          <p class="soft">{creditOf(session.value?.city)}</p>
        </>
      )}
    </details>
  );
}
