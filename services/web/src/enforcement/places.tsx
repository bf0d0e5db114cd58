/** Where alerts come again and again, on the map and as a list, and of which trucks. */

import { signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { inPast, now } from "../clock.ts";
import type { LonLat, RepeatPlaces } from "../contract.ts";
import { distanceM } from "../domain/places.ts";
import { ask } from "../http.ts";
import { inAddress } from "../ui/address.ts";
import { Empty, Name } from "../ui/bits.tsx";
import { failureText } from "../ui/command.tsx";
import { store } from "../ui/start.tsx";
import { nearTime } from "../words/format.ts";
import { wordFor, words } from "../words/index.ts";
import { byHandling, find, map, names, view } from "./state.ts";

/** Places with their numbers, drawn on the map while the panel is open. */
export const heat = signal<{ place: LonLat; count: number }[]>([]);

const DAYS = ["1", "7", "30", "90"] as const;
const days = inAddress<string>("days", "7");
const rule = inAddress<string>("repeat", "");
const MOST = 100;
/** A site, container or yard nearer than this names a place. */
const NEAR_M = 300;

export function RepeatPlacesPanel() {
  const w = words.value.enf.repeat;
  const found = useSignal<RepeatPlaces | null>(null);
  const failure = useSignal("");
  const asked = `/api/v1/alert-places?days=${encodeURIComponent(days.value)}${rule.value ? `&rule=${encodeURIComponent(rule.value)}` : ""}`;
  useEffect(() => {
    let gone = false;
    ask<RepeatPlaces>("GET", asked).then(
      places => {
        if (gone) return;
        failure.value = "";
        found.value = places;
        heat.value = places.cells.map(({ lon, lat, count }) => ({ place: [lon, lat], count }));
      },
      problem => {
        if (!gone) failure.value = failureText(problem);
      },
    );
    return () => {
      gone = true;
      heat.value = [];
    };
  }, [asked]);
  return (
    <div class="list-area">
      <Asked />
      {failure.value && <p class="note bad">{failure.value}</p>}
      {!found.value && !failure.value && <Empty>{words.value.app.loading}</Empty>}
      {found.value && (
        <>
          <p class="note">
            {w.explained(found.value.cell_m)} {inPast.value && w.ofNow}
          </p>
          <h3 class="repeat-title">{w.places}</h3>
          <Places of={found.value} />
          <h3 class="repeat-title">{w.trucks}</h3>
          <Trucks of={found.value} />
        </>
      )}
    </div>
  );
}

function Asked() {
  const w = words.value;
  return (
    <div class="list-tools filters">
      <select
        class="field"
        aria-label={w.enf.repeat.days}
        data-testid="repeat-days"
        value={days.value}
        onChange={event => {
          days.value = event.currentTarget.value;
        }}
      >
        {DAYS.map(one => (
          <option key={one} value={one}>
            {w.enf.repeat.lastDays(Number(one))}
          </option>
        ))}
      </select>
      <select
        class="field"
        aria-label={w.alerts.filterRule}
        value={rule.value}
        onChange={event => {
          rule.value = event.currentTarget.value;
        }}
      >
        <option value="">
          {w.alerts.filterRule}: {w.app.all}
        </option>
        {Object.entries(w.rule).map(([code, name]) => (
          <option key={code} value={code}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}

/** The nearest place of the register, by name; null = none is near. */
function nameNear(place: LonLat): string | null {
  const { facility, source, depot, bin } = store.tables;
  let best: { name: string; m: number } | null = null;
  for (const table of [facility, source, depot, bin])
    for (const one of table.items.values()) {
      const { lon, lat, name } = one;
      // a thousandth of a degree of latitude is 111 m: most are told without a root
      if (!name || typeof lon !== "number" || typeof lat !== "number" || Math.abs(lat - place[1]) > 0.003) continue;
      const m = distanceM(place, [lon, lat]);
      if (m <= NEAR_M && m < (best?.m ?? Number.POSITIVE_INFINITY)) best = { name, m };
    }
  return best?.name ?? null;
}

const rulesText = (rules: readonly string[]): string => rules.map(code => wordFor(words.value.rule, code)).join(" · ");

function Places({ of }: { of: RepeatPlaces }) {
  const w = words.value.enf;
  if (!of.cells.length) return <Empty>{w.repeat.none}</Empty>;
  return (
    <ul class="rows" data-testid="repeat-places">
      {of.cells.slice(0, MOST).map(cell => {
        const place: LonLat = [cell.lon, cell.lat];
        const name = nameNear(place);
        return (
          <li key={`${cell.lon} ${cell.lat}`}>
            <button type="button" class="row" onClick={() => map.value?.showPlace(place, 15)}>
              <span class="row-main">
                <span class="row-title">
                  <Name>{name ? w.repeat.near(name) : `${cell.lat.toFixed(4)}, ${cell.lon.toFixed(4)}`}</Name>
                </span>
                <span class="row-sub">{rulesText(cell.rules)}</span>
              </span>
              <Counted count={cell.count} last_ms={cell.last_ms} more={w.repeat.trucksOf(cell.trucks)} />
            </button>
          </li>
        );
      })}
    </ul>
  );
}

function Trucks({ of }: { of: RepeatPlaces }) {
  const w = words.value.enf;
  if (!of.trucks.length) return <Empty>{w.repeat.none}</Empty>;
  return (
    <ul class="rows" data-testid="repeat-trucks">
      {of.trucks.slice(0, MOST).map(truck => (
        <li key={truck.truck_id}>
          <button
            type="button"
            class="row"
            aria-label={w.repeat.alertsOfTruck(names.truck(truck.truck_id), truck.count)}
            onClick={() => {
              find.value = truck.truck_id;
              byHandling.value = "all";
              view.value = "alerts";
            }}
          >
            <span class="row-main">
              <span class="row-title">
                <Name>{names.truck(truck.truck_id)}</Name>
              </span>
              <span class="row-sub">{rulesText(truck.rules)}</span>
            </span>
            <Counted count={truck.count} last_ms={truck.last_ms} />
          </button>
        </li>
      ))}
    </ul>
  );
}

function Counted({ count, last_ms, more }: { count: number; last_ms: number; more?: string }) {
  return (
    <span class="row-end">
      <strong>{words.value.enf.alertsOf(count)}</strong>
      <span class="soft">{nearTime(last_ms, now.value)}</span>
      {more && <span class="soft">{more}</span>}
    </span>
  );
}
