/** The live map of the desk: keeps what is drawn equal to what the store knows. */

import { computed, effect } from "@preact/signals";
import { moment, now, rate } from "../clock.ts";
import { type Facility, type LonLat, MATERIALS, type Track, type TruckPlan } from "../contract.ts";
import { remaining } from "../domain/progress.ts";
import { hasPlace, materialOf } from "../domain/trucks.ts";
import { ask } from "../http.ts";
import type { CityMap } from "../map/city_map.ts";
import { drawnTruck } from "../map/drawn.ts";
import { keepSites } from "../map/sites.ts";
import { PALETTES } from "../map/style.ts";
import { MapView } from "../map/view.tsx";
import { looks } from "../past/past.ts";
import { session } from "../session.ts";
import { MaterialMark } from "../ui/bits.tsx";
import { store } from "../ui/start.tsx";
import { theme } from "../ui/theme.ts";
import { number, percent, weight } from "../words/format.ts";
import { words } from "../words/index.ts";
import {
  chooseTruck,
  chosenPlace,
  chosenTruck,
  map as deskMap,
  following,
  isShown,
  materials,
  openTab,
  shownMaterials,
} from "./state.ts";

const TRACK_MS = 3_600_000;
/** While the past is played, the way behind the chosen truck is drawn anew after so much of its time. */
const TRACK_AGAIN_MS = 600_000;
const trackMoment = computed(() => [looks.value, Math.floor((moment.value ?? 0) / TRACK_AGAIN_MS)].join());

function keepTrucks(map: CityMap): void {
  store.tables.plan.version.value;
  const shown = store.tables.truck
    .all()
    .map(truck => drawnTruck(truck, store.tables.plan.get(truck.truck_id)?.material))
    .filter(one => isShown(one.material) || one.truck.down || one.truck.truck_id === chosenTruck.value);
  map.setTrucks(shown, chosenTruck.value || null, now.value, rate.value);
}

const isDue = (bin_id: string): boolean => store.tables.due.get(bin_id)?.due === true;

function keepBins(map: CityMap): void {
  store.tables.bin.version.value;
  store.tables.due.version.value;
  const bins = store.tables.bin.takeChanged();
  const dues = store.tables.due.takeChanged();
  const changed = bins && dues ? [...new Set([...bins, ...dues])] : null;
  const known = changed?.every(id => {
    const bin = store.tables.bin.get(id);
    return !bin || map.updateBin(bin, isDue(id));
  });
  // the first time, and when a bin the map has never seen is put up
  if (!known) map.setBins(store.tables.bin.items.values(), isDue);
}

function siteLabel(site: Facility): string {
  const w = words.value.desk.sites;
  const lines = [
    site.name ?? site.id,
    site.today_kg ? `${w.today} ${weight(site.today_kg)}` : "",
    site.queue ? w.queue(site.queue) : "",
  ];
  return lines.filter(Boolean).join("\n");
}

function keepRoute(map: CityMap): void {
  store.tables.action.version.value;
  const plan: TruckPlan | undefined = chosenTruck.value
    ? store.tables.plan.all().find(one => one.truck_id === chosenTruck.value)
    : undefined;
  const colour = PALETTES[theme.value].material[plan?.material ?? ""] ?? PALETTES[theme.value].ink;
  const left = remaining(plan, store.reports.get(plan?.truck_id ?? ""), id => store.tables.due.get(id));
  map.setRoute(
    plan?.path ?? null,
    colour,
    left
      .filter(one => one.number !== null)
      .map(one => ({ place: [one.visit.lon, one.visit.lat], number: String(one.number) })),
  );
}

/** What the chosen truck really drove in the last hour. */
function keepTrack(map: CityMap): void {
  const id = chosenTruck.value;
  const asked = trackMoment.value;
  map.setTrack([]);
  if (!id || !now.peek()) return;
  const to_ms = now.peek();
  ask<Track>("GET", `/api/v1/trucks/${encodeURIComponent(id)}/track?from_ms=${to_ms - TRACK_MS}&to_ms=${to_ms}`).then(
    track => {
      if (chosenTruck.peek() !== id || trackMoment.peek() !== asked) return;
      map.setTrack(
        track.points.flatMap(([, lon, lat]): LonLat[] => (lon === null || lat === null ? [] : [[lon, lat]])),
      );
    },
    () => undefined, // the track is an extra; its absence is no alarm
  );
}

function showChosen(map: CityMap): void {
  const truck = store.tables.truck.get(chosenTruck.value);
  if (truck && hasPlace(truck)) map.showPlace([truck.lon, truck.lat], 13.5);
  const place = chosenPlace.value;
  const found = store.tables.bin.get(place) ?? store.tables.facility.get(place) ?? store.tables.source.get(place);
  if (found && typeof found.lon === "number" && typeof found.lat === "number") map.showPlace([found.lon, found.lat]);
  map.setMark(
    found && typeof found.lon === "number" && typeof found.lat === "number"
      ? { type: "Point", coordinates: [found.lon, found.lat] }
      : null,
    "chosen",
  );
}

function connect(map: CityMap): () => void {
  deskMap.value = map;
  map.onFollow = truck_id => {
    following.value = truck_id;
  };
  const ends = [
    effect(() => keepTrucks(map)),
    effect(() => keepBins(map)),
    keepSites(map, store, siteLabel),
    effect(() => keepRoute(map)),
    effect(() => keepTrack(map)),
    effect(() => showChosen(map)),
    effect(() => map.showBins(shownMaterials.value)),
  ];
  return () => {
    for (const end of ends) end();
    deskMap.value = null;
  };
}

function toggle(material: string): void {
  const shown = shownMaterials.value ?? [...MATERIALS];
  const next = shown.includes(material) ? shown.filter(one => one !== material) : [...shown, material];
  materials.value = next.length === MATERIALS.length || next.length === 0 ? "" : next.join(",");
}

function Tools() {
  const w = words.value;
  return (
    <fieldset class="map-tools" style={{ border: 0, margin: 0, padding: 0 }}>
      <legend class="hidden-text">{w.map.materials}</legend>
      {MATERIALS.map(material => (
        <button
          key={material}
          type="button"
          class="button"
          aria-pressed={isShown(material)}
          data-testid={`show-${material}`}
          onClick={() => toggle(material)}
        >
          <MaterialMark of={material} />
          <span>{w.materialShort[material]}</span>
        </button>
      ))}
      <button
        type="button"
        class="button"
        onClick={() => deskMap.value?.showBounds(session.value?.city.bounds ?? null)}
      >
        {w.map.recentre}
      </button>
    </fieldset>
  );
}

function Legend() {
  const w = words.value.map;
  const { fill } = PALETTES[theme.value];
  const dot = (colour: string, text: string, edge = false) => (
    <span>
      <span class="dot" style={{ background: colour, boxShadow: edge ? "0 0 0 1.5px var(--ink)" : "none" }} /> {text}
    </span>
  );
  return (
    <details class="legend">
      <summary>{w.legend}</summary>
      <div>
        <strong>{w.bins}</strong>
        {fill.steps.map(([from, colour], at) => {
          const to = fill.steps[at + 1]?.[0];
          return dot(colour, to === undefined ? `≥ ${percent(from)}` : `${number(from * 100)}–${percent(to)}`);
        })}
        {dot(fill.unknown, w.legendUnknown)}
        {dot("transparent", w.legendDue, true)}
        <span>◔ {w.legendLoad}</span>
        <span>◌ {w.legendStale}</span>
      </div>
    </details>
  );
}

/** How many trucks the map draws, for screen readers and tests. */
function Count() {
  store.tables.truck.version.value;
  const shown = store.tables.truck
    .all()
    .filter(
      truck =>
        hasPlace(truck) && (isShown(materialOf(truck, store.tables.plan.get(truck.truck_id)?.material)) || truck.down),
    );
  return (
    <p class="hidden-text" data-testid="trucks-on-map" data-count={shown.length}>
      {words.value.desk.onMap(shown.length)}
    </p>
  );
}

export function DeskMap() {
  return (
    <MapView
      onReady={connect}
      onPick={pick => {
        if (pick?.kind === "truck") chooseTruck(pick.id);
        else if (pick) {
          chosenPlace.value = pick.id;
          if (pick.kind === "facility") openTab("sites");
          else if (isDue(pick.id)) openTab("due");
        }
      }}
    >
      <Tools />
      <Legend />
      <Count />
    </MapView>
  );
}
