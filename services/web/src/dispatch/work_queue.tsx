/** What needs a decision, loudest first, each with what can be done about it. Calls for help stand above it (`loud.tsx`). */

import { computed } from "@preact/signals";
import { cityNow, now } from "../clock.ts";
import { type Decision, decisions, type OnTheWay } from "../domain/queue.ts";
import { hasPlace, materialOf } from "../domain/trucks.ts";
import { ask, newId } from "../http.ts";
import { mayDispatch } from "../session.ts";
import { MaterialMark, Name, Tag } from "../ui/bits.tsx";
import { carryOut, OutcomeText, useOutcome } from "../ui/command.tsx";
import { store } from "../ui/start.tsx";
import { nearTime, number } from "../words/format.ts";
import { wordFor, words } from "../words/index.ts";
import { chooseTruck, chosenPlace, placeName, tab, truckName } from "./state.ts";
import { LATE_MS, leftOf } from "./truck_list.tsx";

const EVERY_MS = 5_000;
const MOST = 30;
/** City time in steps: the queue is put together anew at each, not at every truck's move. */
const beat = computed(() => Math.floor(now.value / EVERY_MS));

const waiting = computed<Decision[]>(() => {
  beat.value;
  if (!store.filled.value) return [];
  const { truck, plan, due, run, order, facility } = store.tables;
  const trucks: OnTheWay[] = [...plan.items.keys()].flatMap(truck_id => {
    const known = truck.get(truck_id);
    if (!known) return [];
    return [
      {
        truck_id,
        material: materialOf(known, plan.get(truck_id)?.material),
        place: hasPlace(known) ? ([known.lon, known.lat] as [number, number]) : null,
        left: leftOf(truck_id),
      },
    ];
  });
  return decisions({
    now_ms: now.peek(),
    due: due.items.values(),
    runs: run.items.values(),
    orders: order,
    facilities: facility.items.values(),
    trucks,
    late_after_ms: LATE_MS,
  });
});

export function WorkQueue() {
  const w = words.value.queue;
  const found = waiting.value;
  if (!found.length) return null;
  return (
    <details class="queue" data-testid="queue" data-count={found.length}>
      <summary>
        {w.title} <Tag kind="high">{number(found.length)}</Tag>
      </summary>
      <ul class="rows">
        {found.slice(0, MOST).map(one => (
          <Row key={`${one.kind} ${one.id}`} decision={one} />
        ))}
      </ul>
      {found.length > MOST && <p class="soft">{w.more(found.length - MOST)}</p>}
    </details>
  );
}

function Row({ decision }: { decision: Decision }) {
  const w = words.value.queue;
  const outcome = useOutcome();
  const material = decision.kind === "site" ? null : decision.material;
  return (
    <li class="row still" data-testid="decision" data-kind={decision.kind} data-id={decision.id}>
      {material && <MaterialMark of={material} />}
      <span class="row-main">
        <span class="row-title">
          <Name>{nameOf(decision)}</Name>
        </span>
        <span class="row-sub wrap">{saidOf(decision)}</span>
        <span class="row-of tight">
          <button type="button" class="button" onClick={() => show(decision)}>
            {decision.kind === "site" ? w.close : words.value.desk.loud.show}
          </button>
          {mayDispatch() && material && (
            <button
              type="button"
              class="button"
              disabled={outcome.value.state === "working"}
              onClick={() => void carryOut(outcome, () => replan(material), words.value.desk.changes.replanned)}
            >
              {words.value.desk.changes.replan(wordFor(words.value.materialShort, material))}
            </button>
          )}
          <OutcomeText of={outcome} />
        </span>
      </span>
    </li>
  );
}

function replan(material: string): Promise<unknown> {
  const body = { kind: "replan", subject_id: material };
  return ask("PUT", `/api/v1/dispatch-actions/${newId(cityNow())}`, body);
}

function nameOf(decision: Decision): string {
  switch (decision.kind) {
    case "late":
      return truckName(decision.id);
    case "promise":
      return placeName(decision.place_id);
    default:
      return placeName(decision.id);
  }
}

function saidOf(decision: Decision): string {
  const w = words.value;
  const time = (at_ms: number) => nearTime(at_ms, now.value);
  switch (decision.kind) {
    case "overflow":
      return `${w.why.overflow(time(decision.at_ms))} · ${
        decision.arrive_ms === null ? w.desk.due.unplanned : w.queue.comes(time(decision.arrive_ms))
      }`;
    case "promise":
      return `${w.why.promised(time(decision.at_ms))} · ${wordFor(w.leftOut, decision.code)}`;
    case "site":
      return `${w.leftOut[decision.why === "full" ? "facility_full" : "facility_closed"]} · ${w.queue.going(
        decision.truck_ids.length,
        time(decision.at_ms),
      )}`;
    case "late":
      return w.desk.truck.late(Math.floor(decision.late_ms / 60_000));
  }
}

/** Open the thing where its own actions are. */
function show(decision: Decision): void {
  if (decision.kind === "late") {
    chooseTruck(decision.id);
    return;
  }
  tab.value = { overflow: "due", promise: "left", site: "sites" }[decision.kind] as typeof tab.value;
  chosenPlace.value = decision.kind === "promise" ? decision.place_id : decision.id;
}
