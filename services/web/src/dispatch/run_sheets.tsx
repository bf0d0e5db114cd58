/** Run sheets: what a truck is to do, on paper. One page a truck, by the plan of the moment; the page itself says of when. */

import { useSignal } from "@preact/signals";
import { now } from "../clock.ts";
import type { PlanVisit, Truck, TruckPlan } from "../contract.ts";
import { numbered } from "../domain/progress.ts";
import { materialOf } from "../domain/trucks.ts";
import { whyText } from "../say/plans.ts";
import { session } from "../session.ts";
import { Empty, Name } from "../ui/bits.tsx";
import { LanguageButton } from "../ui/header.tsx";
import { store } from "../ui/start.tsx";
import { day, dayTime, hourMinute, UNKNOWN, weight } from "../words/format.ts";
import { language, wordFor, words } from "../words/index.ts";
import { query } from "./query.ts";
import { names, printed, visitName } from "./state.ts";
import { trucksOf } from "./truck_list.tsx";

interface Sheet {
  truck: Truck;
  plan: TruckPlan;
}

/** What is printed: the truck asked for, or every truck of the list that has a plan with something to do. */
function sheetsAsked(): Sheet[] {
  const one = store.tables.truck.get(printed.value);
  const trucks = one ? [one] : printed.value === "all" ? trucksOf(query.value) : [];
  return trucks
    .flatMap(truck => {
      const plan = store.tables.plan.get(truck.truck_id);
      return plan && (one || plan.visits?.length) ? [{ truck, plan }] : [];
    })
    .sort((a, b) => (a.truck.truck_id < b.truck.truck_id ? -1 : 1));
}

export function RunSheets() {
  const w = words.value.list;
  // a sheet does not change under the printer: it is of the moment it was asked for, and again when that is wished
  const taken = useSignal<{ at_ms: number; sheets: Sheet[] } | null>(null);
  if (store.filled.value && !taken.peek()) taken.value = { at_ms: now.peek(), sheets: sheetsAsked() };
  const { at_ms, sheets } = taken.value ?? { at_ms: 0, sheets: [] };
  return (
    <div class="sheets" data-testid="sheets">
      <header class="sheet-tools row-of">
        <strong>{w.sheets(sheets.length)}</strong>
        <button type="button" class="button main" disabled={!sheets.length} onClick={() => window.print()}>
          {w.print}
        </button>
        <button
          type="button"
          class="button"
          onClick={() => {
            taken.value = { at_ms: now.peek(), sheets: sheetsAsked() };
          }}
        >
          {w.again}
        </button>
        <LanguageButton />
        <a class="button quiet push" href="/dispatch">
          {words.value.app.desk}
        </a>
      </header>
      <main>
        {taken.value && !sheets.length && <Empty>{w.noSheet}</Empty>}
        {sheets.map(sheet => (
          <RunSheet key={sheet.truck.truck_id} sheet={sheet} at_ms={at_ms} />
        ))}
      </main>
    </div>
  );
}

function RunSheet({ sheet: { truck, plan }, at_ms }: { sheet: Sheet; at_ms: number }) {
  const w = words.value;
  const city = session.value?.city.name[language.value] ?? "";
  const shift = truck.shift ? `${hourMinute(truck.shift.start_ms)}–${hourMinute(truck.shift.end_ms)}` : UNKNOWN;
  const facts: [string, string][] = [
    [w.desk.truck.driver, truck.driver_id ?? UNKNOWN],
    [w.desk.truck.shift, shift],
    [w.desk.orders.material, wordFor(w.material, materialOf(truck, plan.material))],
    [w.desk.truck.contractor, truck.contractor_id ?? UNKNOWN],
    [w.desk.truck.plan, `${w.desk.truck.version(plan.plan_version)} · ${w.desk.truck.made(dayTime(plan.made_ms))}`],
  ];
  return (
    <article class="sheet" data-testid="sheet" data-truck-id={truck.truck_id}>
      <header>
        <p class="soft">
          {city} · {day(at_ms)} · {w.list.printedAt(hourMinute(at_ms))}
        </p>
        <h1>
          <Name>{truck.plate ?? truck.truck_id}</Name> <span class="soft">{truck.plate ? truck.truck_id : ""}</span>
        </h1>
        <dl>
          {facts.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>
                <bdi>{value}</bdi>
              </dd>
            </div>
          ))}
        </dl>
      </header>
      <table>
        <thead>
          <tr>
            <th scope="col">{w.list.sheet.number}</th>
            <th scope="col">{w.list.sheet.time}</th>
            <th scope="col">{w.list.sheet.place}</th>
            <th scope="col">{w.list.sheet.waste}</th>
            <th scope="col">{w.list.sheet.why}</th>
            <th scope="col">{w.list.sheet.load}</th>
            <th scope="col">{w.list.sheet.done}</th>
          </tr>
        </thead>
        <tbody>
          {numbered(plan).map(({ visit, number, index }) => (
            <VisitRow key={index} visit={visit} number={number} plan={plan} />
          ))}
        </tbody>
      </table>
      <footer>
        <p>{w.list.sheet.remarks}</p>
        <p>{w.list.sheet.signature}</p>
      </footer>
    </article>
  );
}

function VisitRow({ visit, number, plan }: { visit: PlanVisit; number: number | null; plan: TruckPlan }) {
  const w = words.value;
  const kind = visit.kind ?? "collect";
  const material = kind === "collect" ? (visit.material ?? plan.material) : null;
  const place_id = visit.stop_id ?? visit.facility_id;
  const name = visitName(visit);
  return (
    <tr class={kind} data-kind={kind}>
      <td>{number ?? ""}</td>
      <td class="nowrap">
        {hourMinute(visit.arrive_ms)}
        {visit.leave_ms > visit.arrive_ms ? `–${hourMinute(visit.leave_ms)}` : ""}
      </td>
      <td>
        <Name>{name}</Name>
        {kind === "tip" && ` · ${w.visit.tip}`}
        {place_id && place_id !== name && (
          <>
            {" "}
            <bdi class="soft">{place_id}</bdi>
          </>
        )}
      </td>
      <td>{material ? wordFor(w.materialShort, material) : ""}</td>
      <td>
        <bdi>{whyText(visit.why, names)}</bdi>
      </td>
      <td class="nowrap">{visit.load_kg === null || visit.load_kg === undefined ? "" : weight(visit.load_kg)}</td>
      <td>
        {kind === "collect" || kind === "tip" ? <span class="tick" role="img" aria-label={w.list.sheet.done} /> : ""}
      </td>
    </tr>
  );
}
