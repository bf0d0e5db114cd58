/**
 * One bar for the whole page: now, or any moment that is over, for everything the page shows. It is at the bottom of the
 * desk and of the officer's page.
 */

import { computed, type Signal, signal, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { cityNow, inPast, moment, now } from "../clock.ts";
import { MOMENT_KINDS, type Moment, type MomentKind, type Severity } from "../contract.ts";
import { SPEEDS, type Speed } from "../live/player.ts";
import { planReason } from "../say/plans.ts";
import { inAddress } from "../ui/address.ts";
import { failureText } from "../ui/command.tsx";
import { live, store } from "../ui/start.tsx";
import { day, fromField, hourMinute, hourMinuteSecond, nearTime, span as spanText, toField } from "../words/format.ts";
import { wordFor, words } from "../words/index.ts";
import {
  backToNow,
  edge,
  failure,
  kept,
  loading,
  lookAt,
  lookWhereTheAddressSays,
  momentsOf,
  nextMoment,
  pause,
  play,
  playing,
  setSpeed,
  speed,
} from "./past.ts";
import { around, SPANS, type Span, shareOf, spanOf, spanUpTo } from "./span.ts";
import { TimeGraph } from "./time_graph.tsx";
import "./time_bar.css";

const MINUTE_MS = 60_000;

/** Minutes the bar shows. */
const minutes = inAddress<string>("span", "60");
/** What the bar showed last. */
let shown: Span | null = null;
/** What it is to show as long as the moment is in it. */
const wished = signal<Span | null>(null);
/** Kind of moments that are gone to. */
const jumpTo = signal<MomentKind>("alert");

/** Show an alert's moment: five minutes before and after, paused at its trigger. */
export async function showAlertsMoment(raised_ms: number): Promise<void> {
  minutes.value = "10";
  wished.value = around(raised_ms, 10, cityNow());
  await lookAt(raised_ms);
}

/** The same object as long as it is the same stretch: what is drawn of it is drawn again only when it moves. */
const barSpan = computed<Span>(() => {
  const asked = Number(minutes.value);
  const long = SPANS.find(one => one === asked) ?? 60;
  const at_ms = moment.value;
  const stays = wished.value && at_ms !== null && shareOf(wished.value, at_ms) !== null ? wished.value : shown;
  const span = at_ms === null ? spanUpTo(now.value, long) : spanOf(stays, at_ms, long, Math.floor(cityNow()));
  if (shown?.from_ms !== span.from_ms || shown.to_ms !== span.to_ms) shown = span;
  return shown;
});

interface Props {
  /** Somebody went to this moment by its name. */
  onMoment: (found: Moment) => void;
  /** The truck whose load and speed are drawn, and whose moments are gone to; "" = none. */
  truck_id: string;
  truckName: (truck_id: string) => string;
}

export function TimeBar({ onMoment, truck_id, truckName }: Props) {
  const w = words.value.timebar;
  const said = useSignal("");
  useEffect(lookWhereTheAddressSays, []);
  if (!store.filled.value && !inPast.value && !failure.value) return <section class="time-bar" aria-label={w.label} />;
  const span = barSpan.value;
  return (
    <section class="time-bar" aria-label={w.label} data-testid="time-bar" data-past={inPast.value}>
      {inPast.value && <NotNow />}
      <div class="time-tools">
        <Buttons said={said} truck_id={truck_id} onMoment={onMoment} />
        <Choices />
        <span role="status" class="time-said">
          {loading.value && <span class="soft">{words.value.app.loading}</span>}
          {failure.value && <span class="note bad">{failure.value}</span>}
          {!loading.value && !failure.value && said.value && <bdi>{said.value}</bdi>}
        </span>
      </div>
      {inPast.value && truck_id && (
        <TimeGraph truck_id={truck_id} name={truckName(truck_id)} span={span} onPick={at_ms => void lookAt(at_ms)} />
      )}
      <Line span={span} />
    </section>
  );
}

/** What nobody may overlook. */
function NotNow() {
  const w = words.value.timebar;
  const at_ms = moment.value;
  const places = kept.value?.places;
  return (
    <p class="not-now" data-testid="not-now">
      <strong>{w.notNow(`${day(at_ms)} ${hourMinuteSecond(at_ms)}`)}</strong>
      {places === "minute" && <span> · {w.keptMinute}</span>}
      {places === "none" && <span> · {w.keptNone}</span>}
      {live.state !== "open" && <span> · {w.nowUnknown}</span>}
    </p>
  );
}

function Buttons({
  said,
  truck_id,
  onMoment,
}: {
  said: Signal<string>;
  truck_id: string;
  onMoment: Props["onMoment"];
}) {
  const w = words.value.timebar;
  const step = (way: 1 | -1) => void lookAt((moment.value ?? cityNow()) + way * MINUTE_MS);
  const jump = async (way: 1 | -1) => {
    pause();
    said.value = "";
    try {
      const found = await nextMoment(way, jumpTo.value, truck_id);
      if (!found) said.value = way > 0 ? w.noneAfter : w.noneBefore;
      else if (await lookAt(found.at_ms)) {
        said.value = `${momentName(found)}, ${nearTime(found.at_ms, now.value)}`;
        onMoment(found);
      }
    } catch (problem) {
      said.value = failureText(problem);
    }
  };
  return (
    <div class="row-of tight">
      <button
        type="button"
        class="button time-now"
        aria-pressed={!inPast.value}
        data-testid="time-now"
        onClick={backToNow}
      >
        {inPast.value ? w.back : w.now}
      </button>
      <Sign of="event-back" name={w.eventBack(w.kinds[jumpTo.value])} onClick={() => void jump(-1)}>
        <Icon of="before" />
      </Sign>
      <Sign of="minute-back" name={`−1 ${w.minuteBack}`} onClick={() => step(-1)}>
        −1
      </Sign>
      <Sign
        of="play"
        name={playing.value ? w.pause : w.play}
        disabled={!inPast.value}
        onClick={() => (playing.value ? pause() : play())}
      >
        <Icon of={playing.value ? "pause" : "play"} />
      </Sign>
      <Sign of="minute-on" name={`+1 ${w.minuteOn}`} disabled={!inPast.value} onClick={() => step(1)}>
        +1
      </Sign>
      <Sign of="event-on" name={w.eventOn(w.kinds[jumpTo.value])} disabled={!inPast.value} onClick={() => void jump(1)}>
        <Icon of="after" />
      </Sign>
    </div>
  );
}

function Sign({
  of,
  name,
  disabled = false,
  onClick,
  children,
}: {
  of: string;
  name: string;
  disabled?: boolean;
  onClick: () => void;
  children: ComponentChildren;
}) {
  return (
    <button
      type="button"
      class="button time-sign"
      aria-label={name}
      title={name}
      data-testid={`time-${of}`}
      disabled={disabled}
      onClick={onClick}
    >
      <span aria-hidden="true">{children}</span>
    </button>
  );
}

const ICONS = {
  before: "M3 3h2v10H3zM13 3v10L6 8z",
  after: "M11 3h2v10h-2zM3 3v10l7-5z",
  play: "M4 2.5 13 8l-9 5.5z",
  pause: "M4 3h3v10H4zM9 3h3v10H9z",
};

function Icon({ of }: { of: keyof typeof ICONS }) {
  return (
    <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
      <path fill="currentColor" d={ICONS[of]} />
    </svg>
  );
}

function Choices() {
  const w = words.value.timebar;
  return (
    <div class="row-of tight">
      <select
        class="field inline"
        aria-label={w.speed}
        title={w.speed}
        data-testid="time-speed"
        value={String(speed.value)}
        onChange={event => setSpeed(Number(event.currentTarget.value) as Speed)}
      >
        {SPEEDS.map(one => (
          <option key={one} value={String(one)}>
            {words.value.app.speed(one)}
          </option>
        ))}
      </select>
      <select
        class="field inline"
        aria-label={w.jumpTo}
        title={w.jumpTo}
        data-testid="time-kind"
        value={jumpTo.value}
        onChange={event => {
          jumpTo.value = event.currentTarget.value as MomentKind;
        }}
      >
        {MOMENT_KINDS.map(one => (
          <option key={one} value={one}>
            {w.kinds[one]}
          </option>
        ))}
      </select>
      <When />
      <select
        class="field inline"
        aria-label={w.span}
        title={w.span}
        data-testid="time-span"
        value={minutes.value}
        onChange={event => {
          minutes.value = event.currentTarget.value;
        }}
      >
        {SPANS.map(one => (
          <option key={one} value={String(one)}>
            {spanText(one * MINUTE_MS)}
          </option>
        ))}
      </select>
    </div>
  );
}

/** Day and time as a field: going there is one key. While it plays, the field says where it is. */
function When() {
  const text = useSignal<string | null>(null);
  const at_ms = moment.value ?? now.value;
  const go = () => {
    const wanted_ms = text.value === null ? null : fromField(text.value);
    text.value = null;
    if (wanted_ms !== null) void lookAt(wanted_ms);
  };
  return (
    <form
      class="time-when"
      onSubmit={event => {
        event.preventDefault();
        go();
      }}
    >
      <input
        class="field inline"
        type="datetime-local"
        aria-label={words.value.timebar.field}
        data-testid="time-field"
        value={text.value ?? toField(at_ms)}
        onInput={event => {
          text.value = event.currentTarget.value;
        }}
        onBlur={go}
      />
    </form>
  );
}

// ------------------------------------------------------------------------------------------------------- the line

interface Mark {
  at_ms: number;
  severity: Severity | null;
  name: string;
}

function Line({ span }: { span: Span }) {
  const w = words.value.timebar;
  const dragged = useSignal<number | null>(null);
  const at_ms = dragged.value ?? moment.value ?? now.value;
  const long_ms = span.to_ms - span.from_ms;
  return (
    <div class="time-line">
      <time class="soft">{nearTime(span.from_ms, now.value)}</time>
      <div class="time-track">
        <Marks span={span} />
        <input
          type="range"
          aria-label={w.line}
          aria-valuetext={hourMinuteSecond(at_ms)}
          data-testid="time-line"
          min={span.from_ms}
          max={span.to_ms}
          step={Math.max(1_000, long_ms / 1_200)}
          value={at_ms}
          onInput={event => {
            dragged.value = Number(event.currentTarget.value);
          }}
          onChange={event => {
            dragged.value = null;
            void lookAt(Number(event.currentTarget.value));
          }}
        />
        {dragged.value !== null && (
          <output class="time-dragged" style={{ left: `${(shareOf(span, at_ms) ?? 0) * 100}%` }}>
            {hourMinuteSecond(at_ms)}
          </output>
        )}
      </div>
      <time class="soft">{inPast.value ? nearTime(span.to_ms, now.value) : hourMinute(span.to_ms)}</time>
    </div>
  );
}

/** Where alerts were raised. The way to them is the buttons; the marks are for the eye. */
function Marks({ span }: { span: Span }) {
  const fetched = useSignal<Mark[]>([]);
  const { from_ms, to_ms } = span;
  const past = inPast.value;
  useEffect(() => {
    if (!past) return;
    let gone = false;
    momentsOf(from_ms, Math.min(to_ms, edge()), "alert").then(
      found => {
        if (!gone) fetched.value = found.map(one => ({ ...one, name: momentName(one) }));
      },
      () => {
        if (!gone) fetched.value = [];
      },
    );
    return () => {
      gone = true;
    };
  }, [from_ms, to_ms, past]);
  const marks = past ? fetched.value : marksOfNow();
  return (
    <div class="time-marks" aria-hidden="true" data-testid="time-marks" data-count={marks.length}>
      {marks.map((mark, number) => {
        const share = shareOf(span, mark.at_ms);
        return share === null ? null : (
          <i key={number} class={mark.severity ?? ""} style={{ left: `${share * 100}%` }} title={mark.name} />
        );
      })}
    </div>
  );
}

function marksOfNow(): Mark[] {
  return store.tables.alert
    .all()
    .map(alert => ({ at_ms: alert.raised_ms, severity: alert.severity, name: wordFor(words.value.rule, alert.rule) }));
}

function momentName(of: Moment): string {
  const w = words.value;
  if (of.kind === "alert") return wordFor(w.rule, of.code);
  const what =
    of.kind === "plan" ? planReason({ reason: of.code, reason_params: {} }, NO_NAMES) : wordFor(w.cab.action, of.code);
  const plate = store.tables.truck.get(of.truck_id)?.plate ?? of.truck_id;
  return plate ? `${plate}: ${what}` : what;
}

const NO_NAMES = { truck: (id: string) => id, place: (id: string) => id };
