/** What is due for collection, the first to overflow on top; who comes; and the dispatcher's own word about it. */

import { useSignal } from "@preact/signals";
import { cityNow, now } from "../clock.ts";
import type { CollectionDue } from "../contract.ts";
import { found, type SortColumn } from "../domain/lists.ts";
import { ofWaste, type Query } from "../domain/query.ts";
import { ask, newId } from "../http.ts";
import { phrase } from "../say/alerts.ts";
import { mayDispatch } from "../session.ts";
import { Bar, MaterialMark, Tag } from "../ui/bits.tsx";
import { carryOut, OutcomeText, useOutcome } from "../ui/command.tsx";
import { store } from "../ui/start.tsx";
import { fromField, hourMinute, nearTime, percent, toField, weight } from "../words/format.ts";
import { words } from "../words/index.ts";
import { Choice, Until } from "./fields.tsx";
import { DeskList } from "./list.tsx";
import { MoveButton, MoveTable } from "./move_to.tsx";
import { query } from "./query.ts";
import { chosenPlace, placeName, planned, truckName } from "./state.ts";

const urgency = (due: CollectionDue): number => due.overflow_ms ?? Number.MAX_SAFE_INTEGER;

const COLUMNS: readonly SortColumn<CollectionDue>[] = [
  { key: "place", of: due => placeName(due.place_id) },
  { key: "fill", of: due => due.fill_now },
  { key: "kg", of: due => due.kg },
  { key: "overflow", of: due => due.overflow_ms },
  { key: "comes", of: due => planned.value.get(due.place_id)?.[0]?.arrive_ms },
];

const isOverflowing = (due: CollectionDue): boolean =>
  due.overflow_ms !== null && due.overflow_ms !== undefined && due.overflow_ms <= now.value;

/** Places a query asks for; the gateway asks the same way for a file of the list. */
export function dueOf(asked: Query): CollectionDue[] {
  return [...store.tables.due.items.values()].filter(
    due =>
      due.due &&
      ofWaste(asked, due.material) &&
      found(asked.find, () => [due.place_id, placeName(due.place_id)]) &&
      (asked.show !== "unplanned" || !planned.value.has(due.place_id)) &&
      (asked.show !== "overflowing" || isOverflowing(due)),
  );
}

export function DueList() {
  now.value;
  const { app, desk, list } = words.value;
  const rows = dueOf(query.value).sort((a, b) => urgency(a) - urgency(b) || (a.place_id < b.place_id ? -1 : 1));
  return (
    <DeskList
      of="due"
      testid="due"
      shows={[["", app.all], ...Object.entries(list.shows.due)]}
      columns={COLUMNS}
      heads={list.heads.due}
      rows={rows}
      keyOf={due => due.place_id}
      empty={desk.due.empty}
    >
      {due => <DueRow due={due} />}
    </DeskList>
  );
}

function DueRow({ due }: { due: CollectionDue }) {
  const w = words.value.desk.due;
  const coming = planned.value.get(due.place_id)?.[0];
  const open = chosenPlace.value === due.place_id;
  const overflowing = isOverflowing(due);
  return (
    <div class={open ? "open" : ""}>
      <button
        type="button"
        class="row"
        aria-expanded={open}
        data-testid="due-row"
        data-place-id={due.place_id}
        onClick={() => {
          chosenPlace.value = open ? "" : due.place_id;
        }}
      >
        <MaterialMark of={due.material} />
        <span class="row-main">
          <span class="row-title">
            <bdi>{placeName(due.place_id)}</bdi> {overflowing && <Tag kind="critical">{w.overflowing}</Tag>}
          </span>
          <span class="row-sub">
            {coming ? (
              w.planned(truckName(coming.truck_id), hourMinute(coming.arrive_ms))
            ) : (
              <span class="warn-text">{w.unplanned}</span>
            )}
          </span>
        </span>
        <span class="row-end">
          {due.place_kind === "bin" ? (
            <span class="nowrap">
              <Bar value={due.fill_now} label={w.fill} /> {percent(due.fill_now)}
            </span>
          ) : (
            <span>{weight(due.kg)}</span>
          )}
          {!overflowing && due.overflow_ms && (
            <span class="soft nowrap">
              {w.overflow} {nearTime(due.overflow_ms, now.value)}
            </span>
          )}
        </span>
      </button>
      {open && (
        <Overrule
          place_id={due.place_id}
          bin={due.place_kind === "bin"}
          material={due.material}
          why={due.why ?? null}
        />
      )}
    </div>
  );
}

interface Order {
  kind: "lock" | "unlock" | "exclude" | "include" | "replan";
  subject_id: string;
  truck_id?: string;
  until_ms?: number;
}

/** Tell the planner the dispatcher's will; the next plan follows it. */
export function overrule(order: Order): Promise<unknown> {
  return ask("PUT", `/api/v1/dispatch-actions/${newId(cityNow())}`, order);
}

interface Overruled {
  place_id: string;
  /** An order is moved by its truckloads, where these stand. */
  bin: boolean;
  material: string;
  why: string | null;
}

function Overrule({ place_id, bin, material, why }: Overruled) {
  const w = words.value.desk.due;
  const outcome = useOutcome();
  const truck = useSignal("");
  const until = useSignal(toField(cityNow() + 4 * 3_600_000));
  const send = (order: Omit<Order, "subject_id">) =>
    void carryOut(outcome, () => overrule({ ...order, subject_id: place_id }), w.locked);
  const said = why ? phrase(why) : null;
  const until_ms = fromField(until.value);
  const fitting = [...store.tables.truck.items.values()]
    .filter(one => one.materials.includes(material))
    .map((one): [string, string] => [one.truck_id, `${one.plate ?? ""} ${one.truck_id}`]);
  return (
    <div class="row-details">
      {said && (
        <p class="soft" lang={said.lang}>
          {said.text}
        </p>
      )}
      {bin && (
        <div>
          <MoveButton stop_id={place_id} name={placeName(place_id)} />
          <MoveTable stop_id={place_id} place_id={place_id} name={placeName(place_id)} material={material} />
        </div>
      )}
      {mayDispatch() && (
        <>
          <div class="row-of">
            <Choice label={w.choose} chosen={truck} options={fitting} none={w.choose} />
            <button
              type="button"
              class="button"
              disabled={!truck.value}
              onClick={() => send({ kind: "lock", truck_id: truck.value })}
            >
              {w.lock}
            </button>
            <button type="button" class="button quiet" onClick={() => send({ kind: "unlock" })}>
              {w.unlock}
            </button>
          </div>
          <div class="row-of">
            <Until label={w.until} moment={until} />
            <button
              type="button"
              class="button"
              disabled={until_ms === null}
              onClick={() => until_ms !== null && send({ kind: "exclude", until_ms })}
            >
              {w.exclude}
            </button>
            <button type="button" class="button quiet" onClick={() => send({ kind: "include" })}>
              {w.include}
            </button>
          </div>
          <OutcomeText of={outcome} />
        </>
      )}
    </div>
  );
}
