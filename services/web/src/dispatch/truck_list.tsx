/** All trucks, those that need somebody first. Drawn again once a second, so that a row can be read. */

import { now } from "../clock.ts";
import type { LonLat, Truck } from "../contract.ts";
import { found, type SortColumn } from "../domain/lists.ts";
import { lateness, type NumberedVisit, remaining } from "../domain/progress.ts";
import { ofWaste, type Query } from "../domain/query.ts";
import { isStale, loadShare, materialOf } from "../domain/trucks.ts";
import { Bar, MaterialMark, Tag } from "../ui/bits.tsx";
import { store } from "../ui/start.tsx";
import { hourMinute, span, weight } from "../words/format.ts";
import { words } from "../words/index.ts";
import { DeskList } from "./list.tsx";
import { query } from "./query.ts";
import { chooseTruck, visitName } from "./state.ts";

/** From here on a truck counts as late: below it is traffic. */
export const LATE_MS = 15 * 60_000;

export function leftOf(truck_id: string): NumberedVisit[] {
  return remaining(store.tables.plan.get(truck_id), store.reports.get(truck_id), id => store.tables.due.get(id));
}

interface Row {
  truck: Truck;
  material: string;
  left: NumberedVisit[];
  late_ms: number;
  stale: boolean;
}

function placeOf({ lon, lat }: Truck): LonLat | null {
  return lon === null || lat === null ? null : [lon, lat];
}

function rowOf(truck: Truck): Row {
  const left = leftOf(truck.truck_id);
  return {
    truck,
    left,
    material: materialOf(truck, store.tables.plan.get(truck.truck_id)?.material),
    late_ms: lateness(left, placeOf(truck), now.value),
    stale: isStale(truck, now.value),
  };
}

/** 0 = calls for help … 4 = nothing to do. */
function need({ truck, late_ms, stale, left }: Row): number {
  if (truck.down) return 0;
  if (stale && left.length) return 1;
  if (late_ms > LATE_MS) return 2;
  return left.length ? 3 : 4;
}

const COLUMNS: readonly SortColumn<Row>[] = [
  { key: "truck", of: row => row.truck.plate ?? row.truck.truck_id },
  { key: "load", of: row => loadShare(row.truck) },
  { key: "late", of: row => row.late_ms },
  { key: "next", of: row => row.left[0]?.visit.arrive_ms },
  { key: "stops", of: row => row.left.filter(one => one.number !== null).length },
];

/** Trucks a query asks for. A call for help is there whatever waste is looked at. */
export function trucksOf(asked: Query): Truck[] {
  return [...store.tables.truck.items.values()].filter(truck => {
    const material = materialOf(truck, store.tables.plan.get(truck.truck_id)?.material);
    const names = () => [truck.truck_id, truck.plate, truck.driver_id, truck.contractor_id, truck.class];
    return (ofWaste(asked, material) || truck.down) && found(asked.find, names) && isChosen(truck, asked.show);
  });
}

/** The gateway asks the same way for a file of the list. */
function isChosen(truck: Truck, show: string): boolean {
  switch (show) {
    case "called":
      return truck.down !== null;
    case "silent":
      return isStale(truck, now.value);
    case "on_shift":
      return truck.shift !== null;
    case "off_shift":
      return truck.shift === null;
    default:
      return true;
  }
}

export function TruckList() {
  // the clock's beat draws the list; the first snapshot does not wait for it
  now.value;
  store.filled.value;
  const { app, list } = words.value;
  const rows = trucksOf(query.value)
    .map(rowOf)
    .sort((a, b) => need(a) - need(b) || (a.truck.truck_id < b.truck.truck_id ? -1 : 1));
  return (
    <DeskList
      of="trucks"
      testid="trucks"
      shows={[["", app.all], ...Object.entries(list.shows.trucks)]}
      columns={COLUMNS}
      heads={list.heads.trucks}
      rows={rows}
      keyOf={row => row.truck.truck_id}
      empty={app.nothing}
    >
      {row => <TruckRow row={row} />}
    </DeskList>
  );
}

function TruckRow({ row: { truck, material, left, late_ms, stale } }: { row: Row }) {
  const w = words.value.desk.truck;
  return (
    <button
      type="button"
      class={`row truck-row ${truck.down ? "down" : ""} ${stale ? "stale" : ""}`}
      data-testid="truck-row"
      data-truck-id={truck.truck_id}
      data-stale={stale}
      onClick={() => chooseTruck(truck.truck_id)}
    >
      <MaterialMark of={material} />
      <span class="row-main">
        <span class="row-title">
          <bdi>{truck.plate ?? truck.truck_id}</bdi> <span class="soft">{truck.plate ? truck.truck_id : ""}</span>
          {truck.down && <Tag kind="critical">{w.down[truck.down]}</Tag>}
          {stale && truck.event_time_ms !== null && (
            <Tag kind="medium">{w.stale(span(now.value - truck.event_time_ms))}</Tag>
          )}
          {truck.event_time_ms === null && <Tag>{w.never}</Tag>}
        </span>
        <NextLine left={left} onShift={truck.shift !== null} />
      </span>
      <span class="row-end">
        <span class="nowrap">
          <Bar value={loadShare(truck)} label={w.load} /> <span class="soft load-figure">{weight(truck.load_kg)}</span>
        </span>
        {late_ms > LATE_MS && <Tag kind="high">{w.late(Math.floor(late_ms / 60_000))}</Tag>}
      </span>
    </button>
  );
}

function NextLine({ left, onShift }: { left: NumberedVisit[]; onShift: boolean }) {
  const w = words.value.desk.truck;
  const next = left[0]?.visit;
  const stops = left.filter(one => one.number !== null).length;
  if (!next) return <span class="row-sub">{onShift ? w.noPlan : w.offShift}</span>;
  return (
    <span class="row-sub">
      {hourMinute(next.arrive_ms)} <bdi>{visitName(next)}</bdi>
      {stops > 1 && <span class="soft"> · {w.stopsLeft(stops)}</span>}
    </span>
  );
}
