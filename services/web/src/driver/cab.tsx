/** The driver's page: one thing at a time, in large letters, with buttons for a thumb. */

import { signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { cityNow, phoneAhead, told } from "../clock.ts";
import { type PlanVisit, SKIP_REASONS } from "../contract.ts";
import { changesOf, changeText, planReason, whyText } from "../say/plans.ts";
import { problemText } from "../say/problems.ts";
import { session } from "../session.ts";
import { MaterialMark, Name, Tag } from "../ui/bits.tsx";
import { chime } from "../ui/chime.ts";
import { CityClock, LiveBadge, SignOut } from "../ui/header.tsx";
import { Menu } from "../ui/menu.tsx";
import { live } from "../ui/start.tsx";
import { hourMinute, span, weight } from "../words/format.ts";
import { wordFor, words } from "../words/index.ts";
import { onlyTheWay, passengerLooks } from "./driving.ts";
import { hand } from "./look.ts";
import { Moving } from "./moving.tsx";
import type { StoredReport } from "./outbox.ts";
import { Permits } from "./permits.tsx";
import { PhotoButton } from "./photo.tsx";
import type { StoredPhoto } from "./photos.ts";
import type { ReportState } from "./queue.ts";
import { Settings } from "./settings.tsx";
import {
  about,
  arrivedAt,
  aside,
  CLOCK_WRONG_MS,
  day,
  down,
  forgetDay,
  heldElsewhere,
  left,
  names,
  next,
  noStorage,
  outbox,
  passengerLog,
  photoBox,
  plan,
  report,
  resting,
  storageFull,
  truck,
  unconfirmed,
  visitName,
  waiting,
} from "./state.ts";
import { TurnCard } from "./turn_card.tsx";
import { speak } from "./voice.ts";

type Sheet = "skip" | "tip" | "sos" | "breakdown" | null;
const sheet = signal<Sheet>(null);

/** The last tap, which can be taken back for a while. */
const lastTap = signal<{ action_id: string; what: string } | null>(null);
const UNDO_MS = 10_000;

async function tap(
  kind: Parameters<typeof report>[0],
  visit: PlanVisit | null,
  more: Parameters<typeof report>[2] = {},
) {
  const what = words.value.cab.action[kind];
  const ofVisit = kind !== "sos" && kind !== "breakdown";
  const name = visit && ofVisit ? visitName(visit) : "";
  const action_id = await report(kind, name, { ...(visit ? about(visit) : {}), ...more });
  sheet.value = null;
  if (kind === "accepted_plan" || kind === "corrected") return;
  lastTap.value = { action_id, what: name ? `${what} · ${name}` : what };
  setTimeout(() => {
    if (lastTap.peek()?.action_id === action_id) lastTap.value = null;
  }, UNDO_MS);
}

/** It was not so: all is as if the driver had not pressed. */
async function takeBack(action_id: string): Promise<void> {
  lastTap.value = null;
  await report("corrected", "", { corrects: action_id });
}

/** It was so, until now: the call is over and stays on record. */
async function runsAgain(action_id: string): Promise<void> {
  lastTap.value = null;
  await report("corrected", "", { corrects: action_id, corrected_time_ms: cityNow() });
}

export function Cab() {
  const w = words.value.cab;
  if (!session.value?.user.truck_id && !day.value) return <NoTruck />;
  const moving = onlyTheWay.value;
  return (
    <div class="cab" data-hand={hand.value}>
      <Top />
      {noStorage.value && <p class="note bad">{heldElsewhere.value ? w.storageHeld : w.storage}</p>}
      <div role="status">{storageFull.value && <p class="note bad">{w.storageFull}</p>}</div>
      {moving && down.value && <Down />}
      {moving && <Moving />}
      <main hidden={moving}>
        <ClockNote />
        {passengerLooks.value && <p class="note">{words.value.drive.passengerOn}</p>}
        {down.value ? !moving && <Down /> : <Changed />}
        <NextCard />
        <Following />
        <LastChange />
        <Permits />
        <MyReports />
      </main>
      <Bottom />
      <Undo />
      <Sheets />
    </div>
  );
}

function NoTruck() {
  return (
    <main class="cab">
      <p class="note bad">{words.value.cab.noTruck}</p>
      <SignOut />
    </main>
  );
}

function Top() {
  const w = words.value;
  const [unsent, notTaken] = [waiting.value, aside.value];
  return (
    <header class="top">
      <div class="row-of">
        <h1 class="plate">
          <Name>{truck.value?.plate ?? truck.value?.truck_id ?? "…"}</Name>
        </h1>
        <CityClock />
        <span class="push" />
        {!onlyTheWay.value && (
          <Menu label={w.app.menu} testid="account" button={<span aria-hidden="true">☰</span>}>
            <p>
              <Name>{session.value?.user.name}</Name>
              <br />
              <span class="soft">{w.app.role.driver}</span>
            </p>
            <Settings />
            <SignOut forget={forgetDay} disabled={unsent > 0} />
            {unsent > 0 && <p class="note">{w.cab.signOutWaiting}</p>}
            {notTaken > 0 && <p class="note">{w.cab.signOutAside(notTaken)}</p>}
          </Menu>
        )}
      </div>
      <div class="row-of">
        <LiveBadge live={live} />
        <span class="push" />
        <span role="status" data-testid="queue" data-waiting={unsent + notTaken}>
          {unsent + notTaken ? (
            <Tag kind="medium">↑ {w.cab.queue.waiting(unsent + notTaken)}</Tag>
          ) : (
            <Tag kind="good">✓✓ {w.cab.queue.empty}</Tag>
          )}
        </span>
      </div>
    </header>
  );
}

/** What changed and why, until the driver has confirmed it. */
function Changed() {
  const current = plan.value;
  const w = words.value.cab;
  const version = unconfirmed.value ? current?.plan_version : undefined;
  const first = current?.reason === "first_plan";
  useEffect(() => {
    if (version === undefined || !current) return;
    chime("change");
    speak(`${first ? w.firstRoute : w.changed}. ${planReason(current, names)}`, "nothing");
  }, [version]);
  if (!current || version === undefined) return null;
  const changes = changesOf(current);
  return (
    <section class="banner" role="alert" data-testid="changed" data-plan-version={version} data-reason={current.reason}>
      <h2>{first ? w.firstRoute : w.changed}</h2>
      <p data-testid="plan-reason">{planReason(current, names)}</p>
      {typeof current.changed === "string" && <p>{current.changed}</p>}
      <ul>
        {changes.slice(0, 5).map((change, at) => (
          <li key={at}>
            {changeText(change, names)}
            {change.why && change.why !== current.reason && <span> — {whyText(change.why, names)}</span>}
          </li>
        ))}
      </ul>
      {changes.length > 5 && <p>{words.value.desk.changes.more(changes.length - 5)}</p>}
      <button type="button" class="big main" data-testid="confirm-plan" onClick={() => void tap("accepted_plan", null)}>
        {w.confirm}
      </button>
    </section>
  );
}

/**
 * Why the route is as it is, wherever the banner does not say it: it was confirmed (perhaps on another phone), nothing
 * is left to confirm, or the truck is down.
 */
function LastChange() {
  const current = plan.value;
  if (!current || (unconfirmed.value && !down.value)) return null;
  return (
    <p class="soft" data-testid="last-change" data-plan-version={current.plan_version} data-reason={current.reason}>
      {words.value.cab.routeOf(hourMinute(current.made_ms))}{" "}
      <span data-testid="plan-reason">{planReason(current, names)}</span>
    </p>
  );
}

function Down() {
  const w = words.value.cab;
  const call = down.value;
  if (!call) return null;
  return (
    <section class="banner alarm" role="alert" data-testid="down" data-kind={call.kind}>
      <h2>{call.kind === "sos" ? w.downSos : w.downBreakdown}</h2>
      <Mark action_id={call.action_id} />
      <button type="button" class="big" data-testid="runs-again" onClick={() => void runsAgain(call.action_id)}>
        {w.runsAgain}
      </button>
    </section>
  );
}

function NextCard() {
  const w = words.value.cab;
  const current = next.value;
  if (!current) return <p class="note big-note">{plan.value?.visits?.length ? w.allDone : w.noPlan}</p>;
  const { visit } = current;
  const kind = visit.kind ?? "collect";
  return (
    <section
      class="next"
      data-testid="next-stop"
      data-stop-id={visit.stop_id ?? ""}
      data-facility-id={visit.facility_id ?? ""}
      data-kind={kind}
    >
      <p class="row-of">
        <strong>{w.next}</strong>
        <MaterialMark of={visit.material ?? plan.value?.material} />
        <span>
          {kind === "tip"
            ? words.value.visit.tip
            : wordFor(words.value.materialShort, visit.material ?? plan.value?.material)}
        </span>
        <span class="push">
          {w.planned} {hourMinute(visit.arrive_ms)}
        </span>
      </p>
      <p class="place">
        <Name>{visitName(visit)}</Name>
      </p>
      {visit.why && <p class="soft">{whyText(visit.why, names)}</p>}
      {!onlyTheWay.value && <TurnCard />}
      {arrivedAt.value && (
        <p class="soft">
          {w.arrived} {hourMinute(arrivedAt.value.event_time_ms)}
        </p>
      )}
      <Buttons visit={visit} />
    </section>
  );
}

function Buttons({ visit }: { visit: PlanVisit }) {
  const w = words.value.cab;
  if (noStorage.value) return null;
  switch (visit.kind ?? "collect") {
    case "tip":
      return (
        <div class="buttons">
          <button type="button" class="big main" data-testid="tipped" onClick={() => open("tip")}>
            {w.tipped}
          </button>
          <Arrived visit={visit} />
          <PhotoButton visit={visit} />
        </div>
      );
    case "break":
      return (
        <div class="buttons">
          <button
            type="button"
            class="big main"
            data-testid="break"
            onClick={() => void tap(resting.value ? "break_end" : "break_start", null)}
          >
            {resting.value ? w.breakEnd : w.breakStart}
          </button>
        </div>
      );
    case "end":
      return (
        <div class="buttons">
          <button type="button" class="big main" data-testid="off-duty" onClick={() => void tap("off_duty", null)}>
            {w.action.off_duty}
          </button>
        </div>
      );
    default:
      return (
        <div class="buttons">
          <button type="button" class="big main" data-testid="collected" onClick={() => void tap("collected", visit)}>
            {w.collected}
          </button>
          <button type="button" class="big" data-testid="skipped" onClick={() => open("skip")}>
            {w.skipped}
          </button>
          <Arrived visit={visit} />
          <PhotoButton visit={visit} />
        </div>
      );
  }
}

function Arrived({ visit }: { visit: PlanVisit }) {
  return (
    <button
      type="button"
      class="big"
      data-testid="arrived"
      disabled={arrivedAt.value !== null}
      onClick={() => void tap("arrived", visit)}
    >
      {words.value.cab.arrived}
    </button>
  );
}

function open(which: Sheet): void {
  sheet.value = which;
}

function Following() {
  const w = words.value.cab;
  const rest = left.value.slice(1);
  if (!rest.length) return null;
  return (
    <section>
      <h2 class="small">
        {w.after} · {w.stops(rest.filter(one => one.number !== null).length)}
      </h2>
      <ol class="after" data-testid="following">
        {rest.map(({ visit, number, index }) => (
          <li key={index} data-stop-id={visit.stop_id ?? ""}>
            <span class="soft">{number ?? "·"}</span>
            <time>{hourMinute(visit.arrive_ms)}</time>
            <span>
              <Name>{visitName(visit)}</Name> {visit.kind === "tip" && <Tag kind="low">{words.value.visit.tip}</Tag>}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}

const MARKS = { saved: "✓", sending: "↑", aside: "…", received: "✓✓", refused: "✗" } as const;

/** Where a report is: on the phone, on its way, with the office. */
function Mark({ action_id }: { action_id: string }) {
  const found = outbox.value?.reports.value.find(one => one.action_id === action_id);
  return <StateMark state={found?.state ?? "received"} />;
}

function StateMark({ state }: { state: ReportState }) {
  const w = words.value.cab;
  return (
    <Tag kind={state === "received" ? "good" : state === "refused" ? "critical" : "medium"} title={w.markTitle[state]}>
      <span data-testid="mark" data-state={state}>
        {MARKS[state]} {w.mark[state]}
      </span>
    </Tag>
  );
}

/** What this phone reported, and the photos it took, newest first; what only it knows is marked so. */
function MyReports() {
  const w = words.value;
  const mine = outbox.value?.reports.value ?? [];
  const takenBack = new Set(mine.filter(one => one.body.kind === "corrected").map(one => one.body.corrects));
  const photos = photoBox.value?.rows.value ?? [];
  const rows = [
    ...mine.map(one => ({
      at_ms: one.body.event_time_ms,
      row: <ReportRow key={one.action_id} stored={one} takenBack={takenBack.has(one.action_id)} />,
    })),
    ...photos.map(one => ({ at_ms: one.taken.taken_ms, row: <PhotoRow key={one.photo_id} stored={one} /> })),
    ...passengerLog.value.map(at_ms => ({ at_ms, row: <PassengerRow key={at_ms} at_ms={at_ms} /> })),
  ].sort((a, b) => b.at_ms - a.at_ms);
  return (
    <details class="reports">
      <summary>
        {w.cab.queue.title} · {mine.length}
      </summary>
      {!rows.length && <p class="soft">{w.cab.queue.none}</p>}
      <ul class="after" data-testid="reports">
        {rows.slice(0, 60).map(one => one.row)}
      </ul>
    </details>
  );
}

function PhotoRow({ stored }: { stored: StoredPhoto }) {
  return (
    <li class="report" data-photo-id={stored.photo_id}>
      <time class="soft">{hourMinute(stored.taken.taken_ms)}</time>
      <span>
        <Name>{words.value.drive.photoOf(stored.about)}</Name>
        {stored.problem && <span class="warn"> {problemText(stored.problem)}</span>}
      </span>
      <StateMark state={stored.state} />
    </li>
  );
}

function PassengerRow({ at_ms }: { at_ms: number }) {
  const w = words.value.drive;
  return (
    <li class="report">
      <time class="soft">{hourMinute(at_ms)}</time>
      <span>{w.passengerLog}</span>
      <Tag>{w.passengerTag}</Tag>
    </li>
  );
}

/** That the phone's clock is wrong, and by how much; times are the office's all the same. */
function ClockNote() {
  const ahead_ms = phoneAhead.value;
  if (!told.value || Math.abs(ahead_ms) <= CLOCK_WRONG_MS) return null;
  return (
    <p class="note" role="status" data-testid="clock-wrong">
      {words.value.drive.clockWrong(span(Math.abs(ahead_ms)), ahead_ms > 0)}
    </p>
  );
}

const clockMark = (ahead_ms: number): string => words.value.drive.clockMark(span(Math.abs(ahead_ms)), ahead_ms > 0);

function ReportRow({ stored, takenBack }: { stored: StoredReport; takenBack: boolean }) {
  const w = words.value.cab;
  const { body } = stored;
  const correctable =
    !takenBack && body.kind !== "corrected" && body.kind !== "accepted_plan" && stored.state !== "refused";
  return (
    <li class="report" data-kind={body.kind} data-action-id={stored.action_id}>
      <time class="soft">{hourMinute(body.event_time_ms)}</time>
      <span class={takenBack ? "struck" : ""}>
        {w.action[body.kind]} {body.exception ? `(${words.value.skip[body.exception]})` : ""}{" "}
        {body.weight_kg === undefined ? "" : weight(body.weight_kg)} <Name>{stored.about}</Name>
        {body.photo_ids?.length ? ` · ${words.value.drive.photoReady(body.photo_ids.length)}` : ""}
        {body.clock_ahead_ms ? <span class="soft"> {clockMark(body.clock_ahead_ms)}</span> : null}
        {stored.problem && <span class="warn"> {problemText(stored.problem)}</span>}
      </span>
      <Mark action_id={stored.action_id} />
      {correctable && (
        <button type="button" class="button" onClick={() => void takeBack(stored.action_id)}>
          {w.undo}
        </button>
      )}
    </li>
  );
}

function Bottom() {
  const w = words.value.cab;
  // help can be called at any speed, and from a phone that keeps nothing
  const onlyHelp = onlyTheWay.value || noStorage.value;
  return (
    <nav class="bottom" aria-label={w.queue.title} data-only-help={onlyHelp}>
      {!onlyHelp && (
        <>
          <button
            type="button"
            class="big"
            aria-pressed={resting.value}
            onClick={() => void tap(resting.value ? "break_end" : "break_start", null)}
          >
            {resting.value ? w.breakEnd : w.breakStart}
          </button>
          <button type="button" class="big warn" data-testid="breakdown" onClick={() => open("breakdown")}>
            {w.breakdown}
          </button>
        </>
      )}
      <button type="button" class="big sos" data-testid="sos" onClick={() => open("sos")}>
        {w.sos}
      </button>
    </nav>
  );
}

function Undo() {
  const w = words.value.cab;
  const last = lastTap.value;
  return (
    <div class="toast-place" role="status">
      {last && !onlyTheWay.value && (
        <div class="toast">
          <span>
            <Name>{last.what}</Name> <Mark action_id={last.action_id} />
          </span>
          <button type="button" class="button" data-testid="undo" onClick={() => void takeBack(last.action_id)}>
            {w.undo}
          </button>
        </div>
      )}
    </div>
  );
}

// ------------------------------------------------------------------------------------------------------- the sheets

function Sheets() {
  const which = sheet.value;
  // a call for help is made at any speed; the rest waits until the truck stands
  if (!which || (onlyTheWay.value && which !== "sos")) return null;
  return <OpenSheet key={which} which={which} />;
}

/** Above the page, which is out of reach meanwhile: the focus stays in here, and goes back to where it was. */
function OpenSheet({ which }: { which: Exclude<Sheet, null> }) {
  const w = words.value.cab;
  const visit = next.value?.visit ?? null;
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    return () => shown?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      class="sheet"
      aria-label={titleOf(which)}
      data-testid={`sheet-${which}`}
      onCancel={event => {
        // a camera that is closed without a picture says the same from within
        if (event.target === event.currentTarget) open(null);
      }}
    >
      <h2>{titleOf(which)}</h2>
      {which === "skip" && visit && <SkipReasons visit={visit} />}
      {which === "tip" && visit && <Weight visit={visit} />}
      {(which === "skip" || which === "tip") && visit && <PhotoButton visit={visit} />}
      {(which === "sos" || which === "breakdown") && (
        <button
          type="button"
          class={`big ${which}`}
          data-testid={`${which}-yes`}
          onClick={() => void tap(which, visit)}
        >
          {which === "sos" ? w.yesSos : w.yesBreakdown}
        </button>
      )}
      <button type="button" class="big" onClick={() => open(null)}>
        {words.value.app.cancel}
      </button>
    </dialog>
  );
}

function titleOf(which: Exclude<Sheet, null>): string {
  const w = words.value.cab;
  return { skip: w.skipWhy, tip: w.weight, sos: w.sosSure, breakdown: w.breakdownSure }[which];
}

function SkipReasons({ visit }: { visit: PlanVisit }) {
  return (
    <div class="grid">
      {SKIP_REASONS.map(exception => (
        <button
          key={exception}
          type="button"
          class="big"
          data-testid={`skip-${exception}`}
          onClick={() => void tap("skipped", visit, { exception })}
        >
          {words.value.skip[exception]}
        </button>
      ))}
    </div>
  );
}

const tonnage = signal("");

function Weight({ visit }: { visit: PlanVisit }) {
  const w = words.value.cab;
  const kg = Number(tonnage.value);
  const given = tonnage.value.trim() !== "" && Number.isFinite(kg) && kg >= 0;
  const payload = truck.value?.payload_kg;
  const odd = given && typeof payload === "number" && kg > payload * 1.5;
  const send = (weight_kg?: number) => {
    tonnage.value = "";
    void tap("tipped", visit, weight_kg === undefined ? {} : { weight_kg });
  };
  return (
    <form
      class="grid one"
      onSubmit={event => {
        event.preventDefault();
        if (given) send(kg);
      }}
    >
      <input
        class="field weight"
        inputMode="numeric"
        aria-label={w.weight}
        data-testid="weight"
        value={tonnage.value}
        onInput={event => {
          tonnage.value = event.currentTarget.value.replace(/[^\d.]/g, "");
        }}
      />
      {odd && <p class="note bad">{w.weightOdd}</p>}
      <button type="submit" class="big main" data-testid="weight-save" disabled={!given}>
        {w.save}
      </button>
      <button type="button" class="big" data-testid="no-ticket" onClick={() => send()}>
        {w.weightUnknown}
      </button>
    </form>
  );
}
