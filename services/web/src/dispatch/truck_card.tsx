/** One truck: how it is, where it goes next and when, what changed and why. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { inPast, now } from "../clock.ts";
import type { Truck, TruckPlan } from "../contract.ts";
import { numbered } from "../domain/progress.ts";
import { isStale, loadShare, materialOf } from "../domain/trucks.ts";
import { ask } from "../http.ts";
import { changesOf, changeText, planReason, whyText } from "../say/plans.ts";
import { Bar, MaterialMark, Name, Tag } from "../ui/bits.tsx";
import { failureText } from "../ui/command.tsx";
import { store } from "../ui/start.tsx";
import { hourMinute, nearTime, percent, span, speed, UNKNOWN, weight } from "../words/format.ts";
import { wordFor, words } from "../words/index.ts";
import { GiveAway } from "./give_away.tsx";
import { runSheetsHref } from "./list_tools.tsx";
import { MoveButton, MoveTable } from "./move_to.tsx";
import { PickBar, PickBox } from "./pick.tsx";
import { Receipt, Reports } from "./receipt.tsx";
import { chooseTruck, chosenTruck, following, map, names, visitName } from "./state.ts";
import { leftOf } from "./truck_list.tsx";

export function TruckCard() {
  now.value;
  const truck = store.tables.truck.get(chosenTruck.value);
  if (!truck) return null;
  const plan = store.tables.plan.all().find(one => one.truck_id === truck.truck_id);
  return (
    <article class="card" data-testid="truck-card" data-truck-id={truck.truck_id}>
      <Head truck={truck} material={materialOf(truck, plan?.material)} />
      <Facts truck={truck} />
      {plan ? <Plan plan={plan} /> : <p class="note">{words.value.desk.truck.noPlan}</p>}
      <Reports key={`reports of ${truck.truck_id}`} truck={truck} />
      <Versions key={truck.truck_id} truck_id={truck.truck_id} shown={plan?.plan_version ?? null} />
    </article>
  );
}

function Head({ truck, material }: { truck: Truck; material: string }) {
  const w = words.value;
  const followed = following.value === truck.truck_id;
  return (
    <header>
      <div class="row-of">
        <button type="button" class="button quiet" onClick={() => chooseTruck("")}>
          ← {w.desk.truck.back}
        </button>
        <span class="push" />
        {!inPast.value && (
          <a class="button" href={runSheetsHref(truck.truck_id)} target="_blank" rel="noreferrer">
            {w.list.runSheet}
          </a>
        )}
        <button
          type="button"
          class="button"
          aria-pressed={followed}
          onClick={() => map.value?.follow(followed ? null : truck.truck_id)}
        >
          {followed ? w.map.following : w.map.follow}
        </button>
      </div>
      <h2 class="row-of">
        <MaterialMark of={material} />
        <Name>{truck.plate ?? truck.truck_id}</Name>
        <span class="soft">{truck.truck_id}</span>
      </h2>
      <p class="soft">
        {wordFor(w.truckClass, truck.class)} · {truck.materials.map(one => wordFor(w.material, one)).join(", ")}
      </p>
      <div class="row-of tight">
        {truck.down && <Tag kind="critical">{w.desk.truck.down[truck.down]}</Tag>}
        {isStale(truck, now.value) && (
          <Tag kind="medium">
            {truck.event_time_ms === null
              ? w.desk.truck.never
              : w.desk.truck.stale(span(now.value - truck.event_time_ms))}
          </Tag>
        )}
        {!truck.fix && truck.event_time_ms !== null && <Tag kind="medium">{w.desk.truck.noFix}</Tag>}
      </div>
    </header>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Facts({ truck }: { truck: Truck }) {
  const w = words.value;
  const t = w.desk.truck;
  const share = loadShare(truck);
  const doubtful = share === null && truck.load_kg !== null;
  return (
    <dl class="facts">
      <Fact name={t.load}>
        {weight(truck.load_kg)} {t.of} {weight(truck.payload_kg)} <Bar value={share} label={t.load} />{" "}
        {share !== null && percent(share)}
        {doubtful && truck.payload_kg && <span class="soft"> {t.suspectLoad}</span>}
      </Fact>
      <Fact name={t.speed}>{(truck.speed_mps ?? 1) < 0.5 ? t.standing : speed(truck.speed_mps)}</Fact>
      <Fact name={t.cover}>{w.cover[truck.cover] ?? w.app.unknown}</Fact>
      <Fact name={t.bed}>{w.bed[truck.bed] ?? w.app.unknown}</Fact>
      <Fact name={t.shift}>
        {truck.shift ? `${hourMinute(truck.shift.start_ms)}–${hourMinute(truck.shift.end_ms)}` : t.offShift}
      </Fact>
      <Fact name={t.driver}>
        <Name>{truck.driver_id ?? UNKNOWN}</Name>
      </Fact>
      <Fact name={t.contractor}>
        <Name>{truck.contractor_id ?? UNKNOWN}</Name>
      </Fact>
    </dl>
  );
}

function Plan({ plan }: { plan: TruckPlan }) {
  const w = words.value.desk.truck;
  store.tables.action.version.value;
  const left = leftOf(plan.truck_id);
  const stop_ids = left.flatMap(({ visit }) => visit.stop_id ?? []);
  return (
    <section>
      <h3>
        {w.plan} · {w.version(plan.plan_version)} · {w.made(nearTime(plan.made_ms, now.value))}
      </h3>
      <Receipt plan={plan} />
      <PlanWhy plan={plan} />
      <ol class="stops" data-testid="truck-stops">
        {left.map(({ visit, number: place, index }) => (
          <li
            key={visit.stop_id ?? index}
            class={visit.stop_id ? "movable" : ""}
            data-stop-id={visit.stop_id ?? ""}
            data-kind={visit.kind ?? "collect"}
          >
            <span class={`stop-number ${visit.kind ?? "collect"}`}>{place ?? "·"}</span>
            <time>{hourMinute(visit.arrive_ms)}</time>
            <span>
              <Name>{visitName(visit)}</Name>
              {visit.kind === "tip" && <Tag kind="low">{words.value.visit.tip}</Tag>}
              {visit.why && <span class="soft"> {whyText(visit.why, names)}</span>}
            </span>
            <span class="soft number">
              {visit.load_kg === null || visit.load_kg === undefined ? "" : weight(visit.load_kg)}
            </span>
            {visit.stop_id && (
              <span class="nowrap">
                <MoveButton stop_id={visit.stop_id} name={visitName(visit)} />
                <PickBox stop_id={visit.stop_id} name={visitName(visit)} />
              </span>
            )}
            {visit.stop_id && (
              <MoveTable
                stop_id={visit.stop_id}
                place_id={visit.order_id ?? visit.stop_id}
                name={visitName(visit)}
                material={visit.material ?? plan.material}
              />
            )}
          </li>
        ))}
      </ol>
      {!left.length && <p class="note">{w.noPlan}</p>}
      <PickBar key={`picked ${plan.truck_id}`} stop_ids={stop_ids} />
      <GiveAway key={plan.truck_id} truck_id={plan.truck_id} stops={stop_ids.length} />
    </section>
  );
}

/** The reason of a plan and the first of its changes. */
export function PlanWhy({ plan, most = 6 }: { plan: TruckPlan; most?: number }) {
  const w = words.value.desk.changes;
  const changes = changesOf(plan);
  return (
    <div class="why">
      <p data-testid="plan-reason">{planReason(plan, names)}</p>
      {typeof plan.changed === "string" && plan.changed !== "" && <p class="soft">{plan.changed}</p>}
      {changes.length > 0 && (
        <ul>
          {changes.slice(0, most).map((change, at) => (
            <li key={at}>
              {changeText(change, names)}
              {change.why && change.why !== plan.reason && <span class="soft"> — {whyText(change.why, names)}</span>}
            </li>
          ))}
          {changes.length > most && <li class="soft">{w.more(changes.length - most)}</li>}
        </ul>
      )}
    </div>
  );
}

const stopsOf = (plan: TruckPlan): number => numbered(plan).filter(one => one.number !== null).length;

function Versions({ truck_id, shown }: { truck_id: string; shown: number | null }) {
  const w = words.value.desk.truck;
  const versions = useSignal<TruckPlan[] | null>(null);
  const failure = useSignal("");
  // of the past, those before what was the route then
  const earlier = (versions.value ?? []).filter((plan, at) => (shown === null ? at > 0 : plan.plan_version < shown));
  const load = () =>
    ask<{ versions: TruckPlan[] }>("GET", `/api/v1/plans/${encodeURIComponent(truck_id)}`).then(
      found => {
        versions.value = found.versions;
      },
      problem => {
        failure.value = failureText(problem);
      },
    );
  return (
    <details onToggle={event => event.currentTarget.open && void load()}>
      <summary>{w.versions}</summary>
      {versions.value === null ? (
        <p class="soft">{failure.value || words.value.app.loading}</p>
      ) : (
        <ul class="versions">
          {earlier.map(plan => (
            <li key={plan.plan_version}>
              <strong>{w.version(plan.plan_version)}</strong> <time>{nearTime(plan.made_ms, now.value)}</time> ·{" "}
              {plan.visits ? words.value.cab.stops(stopsOf(plan)) : UNKNOWN}
              <PlanWhy plan={plan} most={3} />
            </li>
          ))}
        </ul>
      )}
    </details>
  );
}
