/** Bookings of waste without a sensor: a plain form, and what became of each. */

import { useSignal } from "@preact/signals";
import { cityNow, now } from "../clock.ts";
import { MATERIALS, type Order } from "../contract.ts";
import { found, type SortColumn } from "../domain/lists.ts";
import { ofWaste, type Query } from "../domain/query.ts";
import { ask, newId } from "../http.ts";
import { mayDispatch } from "../session.ts";
import { MaterialMark, Name, Tag } from "../ui/bits.tsx";
import { carryOut, OutcomeText, useOutcome } from "../ui/command.tsx";
import { store } from "../ui/start.tsx";
import { fromField, hourMinute, nearTime, number, toField, UNKNOWN, weight } from "../words/format.ts";
import { words } from "../words/index.ts";
import { DeskList } from "./list.tsx";
import { query } from "./query.ts";
import { chosenPlace, placeName, planned, truckName } from "./state.ts";

const MOST_KG = 5_000_000;
const STATES: Record<string, number> = { open: 0, planned: 1, collected: 2, cancelled: 3 };

const rankOf = (order: Order): number => STATES[order.state ?? "open"] ?? 9;

const COLUMNS: readonly SortColumn<Order>[] = [
  { key: "site", of: order => placeName(order.source_id) },
  { key: "state", of: rankOf },
  { key: "kg", of: order => order.kg },
  { key: "ready", of: order => order.ready_ms },
  { key: "due", of: order => order.due_ms },
];

/** Orders a query asks for; the gateway asks the same way for a file of the list. */
export function ordersOf(asked: Query): Order[] {
  const chosen = Object.hasOwn(STATES, asked.show) ? asked.show : "";
  return store.tables.order
    .all()
    .filter(
      order =>
        ofWaste(asked, order.material) &&
        (!chosen || (order.state ?? "open") === chosen) &&
        found(asked.find, () => [order.order_id, order.source_id, placeName(order.source_id)]),
    );
}

export function Orders() {
  const { app, desk, list, orderState } = words.value;
  const rows = ordersOf(query.value).sort(
    (a, b) => rankOf(a) - rankOf(b) || (a.ready_ms ?? 0) - (b.ready_ms ?? 0) || (a.order_id < b.order_id ? -1 : 1),
  );
  return (
    <>
      {mayDispatch() && <Booking />}
      <DeskList
        of="orders"
        testid="orders"
        shows={[["", app.all], ...Object.entries(orderState)]}
        columns={COLUMNS}
        heads={list.heads.orders}
        rows={rows}
        keyOf={order => order.order_id}
        empty={desk.orders.empty}
      >
        {order => <OrderRow order={order} />}
      </DeskList>
    </>
  );
}

interface Draft {
  source_id: string;
  material: string;
  kg: number;
  l: number | null;
  ready_ms: number | null;
  due_ms: number | null;
}

function draftOf(form: HTMLFormElement): Draft {
  const given = new FormData(form);
  const cubic = Number(given.get("m3"));
  return {
    source_id: String(given.get("source")),
    material: String(given.get("material")),
    kg: Math.round(Number(given.get("t")) * 1_000),
    l: cubic > 0 ? Math.round(cubic * 1_000) : null,
    ready_ms: fromField(String(given.get("ready"))),
    due_ms: fromField(String(given.get("due"))),
  };
}

/** What is wrong with it; null = nothing. */
function faultOf(draft: Draft): string | null {
  const w = words.value.desk.orders;
  if (!draft.source_id) return w.needSource;
  if (!(draft.kg > 0 && draft.kg <= MOST_KG)) return w.needWeight;
  if (draft.ready_ms !== null && draft.due_ms !== null && draft.due_ms <= draft.ready_ms) return w.dueAfterReady;
  return null;
}

function Booking() {
  const w = words.value.desk.orders;
  const outcome = useOutcome();
  // one form is one order: sent twice, it stays one
  const order_id = useSignal(newId(cityNow()));
  const sources = store.tables.source.all().sort((a, b) => ((a.name ?? a.id) < (b.name ?? b.id) ? -1 : 1));
  const submit = async (form: HTMLFormElement) => {
    const draft = draftOf(form);
    const fault = faultOf(draft);
    if (fault) {
      outcome.value = { state: "failed", text: fault };
      return;
    }
    const sent = await carryOut(outcome, () => ask("PUT", `/api/v1/orders/${order_id.value}`, draft), w.booked);
    if (!sent) return;
    order_id.value = newId(cityNow());
    form.reset();
  };
  return (
    <details class="booking" open={!store.tables.order.items.size}>
      <summary>{w.book}</summary>
      <form
        data-testid="booking"
        noValidate
        onSubmit={event => {
          event.preventDefault();
          void submit(event.currentTarget);
        }}
      >
        <label class="wide">
          {w.source}
          <select class="field" name="source">
            <option value="" />
            {sources.map(source => (
              <option key={source.id} value={source.id}>
                {source.name ?? source.id}
              </option>
            ))}
          </select>
        </label>
        <label>
          {w.material}
          <select class="field" name="material">
            {MATERIALS.map(material => (
              <option key={material} value={material} selected={material === "construction"}>
                {words.value.material[material]}
              </option>
            ))}
          </select>
        </label>
        <label>
          {w.kg}
          <input class="field" name="t" type="number" min="0.1" max="5000" step="0.1" inputMode="decimal" />
        </label>
        <label>
          {w.l}
          <input class="field" name="m3" type="number" min="0" step="0.1" inputMode="decimal" />
        </label>
        <label>
          {w.ready}
          <input class="field" name="ready" type="datetime-local" defaultValue={toField(cityNow())} />
        </label>
        <label>
          {w.due}
          <input class="field" name="due" type="datetime-local" defaultValue={toField(cityNow() + 6 * 3_600_000)} />
        </label>
        <div class="wide row-of">
          <button type="submit" class="button main" disabled={outcome.value.state === "working"}>
            {w.submit}
          </button>
          <OutcomeText of={outcome} />
        </div>
      </form>
    </details>
  );
}

function OrderRow({ order }: { order: Order }) {
  const w = words.value;
  const outcome = useOutcome();
  const state = order.state ?? "open";
  const loads = planned.value.get(order.order_id) ?? [];
  const cancel = () => {
    if (!confirm(w.desk.orders.cancelSure)) return;
    const path = `/api/v1/orders/${encodeURIComponent(order.order_id)}/cancel`;
    void carryOut(outcome, () => ask("POST", path), w.orderState.cancelled);
  };
  return (
    <div class="row still" data-testid="order-row" data-order-id={order.order_id} data-state={state}>
      <MaterialMark of={order.material} />
      <span class="row-main">
        <span class="row-title">
          <button
            type="button"
            class="link"
            onClick={() => {
              chosenPlace.value = order.source_id;
            }}
          >
            <Name>{placeName(order.source_id)}</Name>
          </button>
          <Tag kind={state === "open" ? "medium" : state === "planned" ? "good" : ""}>{w.orderState[state]}</Tag>
        </span>
        <span class="row-sub">
          {weight(order.kg)}
          {order.l ? ` · ${number(order.l / 1_000, 1)} ${w.unit.m3}` : ""} · {nearTime(order.ready_ms, now.value)} –{" "}
          {order.due_ms ? nearTime(order.due_ms, now.value) : UNKNOWN}
        </span>
        {loads.length > 0 && (
          <span class="row-sub wrap">
            {w.desk.orders.loads}{" "}
            {loads.map(load => `${truckName(load.truck_id)} ${hourMinute(load.arrive_ms)}`).join(" · ")}
          </span>
        )}
        <OutcomeText of={outcome} />
      </span>
      {mayDispatch() && (state === "open" || state === "planned") && (
        <button type="button" class="button quiet" aria-label={w.desk.orders.cancel} onClick={cancel}>
          {w.app.cancel}
        </button>
      )}
    </div>
  );
}
