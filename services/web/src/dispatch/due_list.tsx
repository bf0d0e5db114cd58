/** What is due for collection, the first to overflow on top; who comes; and the dispatcher's own word about it. */

import { useSignal } from "@preact/signals";
import { cityNow, now } from "../clock.ts";
import type { CollectionDue } from "../contract.ts";
import { ask, newId } from "../http.ts";
import { phrase } from "../say/alerts.ts";
import { mayDispatch } from "../session.ts";
import { Bar, Empty, MaterialMark, Tag } from "../ui/bits.tsx";
import { carryOut, OutcomeText, useOutcome } from "../ui/command.tsx";
import { store } from "../ui/start.tsx";
import { fromField, hourMinute, nearTime, percent, toField, weight } from "../words/format.ts";
import { words } from "../words/index.ts";
import { Choice, Filter, Until, wantedText } from "./fields.tsx";
import { MoveButton, MoveTable } from "./move_to.tsx";
import { chosenPlace, isShown, placeName, planned, truckName } from "./state.ts";

/** Rows drawn at once; the rest is reached by the filter. */
const MOST = 300;

const urgency = (due: CollectionDue): number => due.overflow_ms ?? Number.MAX_SAFE_INTEGER;

export function DueList() {
  now.value;
  const w = words.value.desk;
  const wanted = wantedText();
  const rows = [...store.tables.due.items.values()]
    .filter(due => due.due && isShown(due.material))
    .filter(due => !wanted || `${due.place_id} ${placeName(due.place_id)}`.toLowerCase().includes(wanted))
    .sort((a, b) => urgency(a) - urgency(b) || (a.place_id < b.place_id ? -1 : 1));
  return (
    <>
      <Filter />
      {!rows.length && <Empty>{w.due.empty}</Empty>}
      <ul class="rows" data-testid="due">
        {rows.slice(0, MOST).map(due => (
          <DueRow key={due.place_id} due={due} />
        ))}
      </ul>
      {rows.length > MOST && <p class="note">{w.changes.more(rows.length - MOST)}</p>}
    </>
  );
}

function DueRow({ due }: { due: CollectionDue }) {
  const w = words.value.desk.due;
  const coming = planned.value.get(due.place_id)?.[0];
  const open = chosenPlace.value === due.place_id;
  const overflowing = due.overflow_ms !== null && due.overflow_ms !== undefined && due.overflow_ms <= now.value;
  return (
    <li class={open ? "open" : ""}>
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
    </li>
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
