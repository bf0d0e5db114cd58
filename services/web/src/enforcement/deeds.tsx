/** What can be said of alerts, one or many: buttons, and for some a small form. */

import { signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { cityNow } from "../clock.ts";
import type { Alert } from "../contract.ts";
import { assigneeOf, handling, isSettled } from "../domain/standing.ts";
import { mayAcknowledge, mayJudge, session } from "../session.ts";
import { fromField, toField } from "../words/format.ts";
import { words } from "../words/index.ts";
import { fetchHandlers, handlers, type Kind, type More, outcome, say } from "./said.ts";

type Form = "dismiss" | "note" | "assign" | "snooze";
/** The form that is open, and of which place's buttons; a key can open it too. */
export const open = signal<{ form: Form; place: string } | null>(null);

const HOUR_MS = 3_600_000;
const SNOOZES_H = [1, 4, 24] as const;

interface Props {
  alerts: readonly Alert[];
  /** Before the test ids, so that two places on one page differ; also names the place. */
  prefix: "" | "bulk-";
}

/** May this person say anything of these? */
export const mayAct = (alerts: readonly Alert[]): boolean =>
  mayJudge() || (mayAcknowledge() && alerts.every(one => one.rule === "sos" || one.rule === "breakdown"));

export function DeedButtons({ alerts, prefix }: Props) {
  const w = words.value.alerts;
  const e = words.value.enf;
  if (!alerts.length || !mayAct(alerts)) return null;
  const busy = outcome.value?.working ?? false;
  const form = open.value?.place === prefix ? open.value.form : null;
  const send = async (kind: Kind, more: More = {}) => {
    if (await say(kind, alerts, more)) open.value = null;
  };
  const toggle = (which: Form) => () => {
    open.value = form === which ? null : { form: which, place: prefix };
  };
  const opener = (which: Form, name: string) => (
    <button
      type="button"
      class="button"
      data-testid={`${prefix}${which}`}
      aria-expanded={form === which}
      onClick={toggle(which)}
    >
      {name}
    </button>
  );
  const simple = (kind: Kind, name: string, look: string) => (
    <button
      type="button"
      class={`button ${look}`}
      data-testid={`${prefix}${kind}`}
      disabled={busy}
      onClick={() => void send(kind)}
    >
      {name}
    </button>
  );
  return (
    <>
      <div class="row-of tight">
        {alerts.some(one => handling(one) === "new") && simple("ack", w.ack, "main")}
        {mayJudge() && alerts.some(one => handling(one) !== "confirmed") && simple("confirm", w.confirm, "danger")}
        {mayJudge() && alerts.some(one => handling(one) !== "dismissed") && opener("dismiss", w.dismiss)}
        {mayJudge() && opener("assign", alerts.some(one => assigneeOf(one)) ? e.handOver : e.assign)}
        {mayJudge() && alerts.some(one => !isSettled(one)) && opener("snooze", e.snooze)}
        {opener("note", w.note)}
      </div>
      {form === "dismiss" && <Dismissal send={send} prefix={prefix} busy={busy} />}
      {form === "assign" && <Assignment alerts={alerts} send={send} prefix={prefix} busy={busy} />}
      {form === "snooze" && <Snooze send={send} prefix={prefix} busy={busy} />}
      {form === "note" && <Noting send={send} prefix={prefix} busy={busy} />}
    </>
  );
}

interface FormProps {
  send: (kind: Kind, more: More) => Promise<void>;
  prefix: string;
  busy: boolean;
}

function Dismissal({ send, prefix, busy }: FormProps) {
  const w = words.value.alerts;
  const reason = useSignal("authorised");
  const note = useSignal("");
  const first = useRef<HTMLInputElement>(null);
  // a key may have opened it: the next key chooses
  useEffect(() => first.current?.focus(), []);
  const missing = reason.value === "other" && !note.value.trim();
  return (
    <fieldset class="choices">
      <legend>{w.dismissWhy}</legend>
      {Object.entries(w.dismissReasons).map(([code, name], at) => (
        <label key={code}>
          <input
            type="radio"
            name={`${prefix}reason`}
            value={code}
            checked={reason.value === code}
            {...(at === 0 ? { ref: first } : {})}
            onChange={() => {
              reason.value = code;
            }}
          />{" "}
          {name}
        </label>
      ))}
      <NoteField value={note} />
      <button
        type="button"
        class="button danger"
        data-testid={`${prefix}dismiss-send`}
        disabled={busy || missing}
        onClick={() => void send("dismiss", { reason: reason.value, ...noted(note.value) })}
      >
        {w.dismissSend}
      </button>
    </fieldset>
  );
}

function Assignment({ alerts, send, prefix, busy }: FormProps & { alerts: readonly Alert[] }) {
  const e = words.value.enf;
  const me = session.value?.user.login ?? "";
  const to = useSignal(me);
  const note = useSignal("");
  useEffect(() => {
    void fetchHandlers();
  }, []);
  const others = (handlers.value ?? []).filter(one => one.login !== me);
  const someone = alerts.some(one => assigneeOf(one));
  return (
    <fieldset class="choices">
      <legend>{e.assignTo}</legend>
      <select
        class="field"
        aria-label={e.assignTo}
        data-testid={`${prefix}assignee`}
        value={to.value}
        onChange={event => {
          to.value = event.currentTarget.value;
        }}
      >
        <option value={me}>{e.me}</option>
        {others.map(one => (
          <option key={one.login} value={one.login}>
            {one.name}
            {one.name === one.login ? "" : ` (${one.login})`}
          </option>
        ))}
        {someone && <option value="">{e.nobodyAnyMore}</option>}
      </select>
      {handlers.value === null && <span class="soft">{words.value.app.loading}</span>}
      <NoteField value={note} />
      <button
        type="button"
        class="button main"
        data-testid={`${prefix}assign-send`}
        disabled={busy}
        onClick={() => void send("assign", { assignee: to.value || null, ...noted(note.value) })}
      >
        {e.assignSend}
      </button>
    </fieldset>
  );
}

function Snooze({ send, prefix, busy }: FormProps) {
  const e = words.value.enf;
  const until = useSignal(toField(cityNow() + HOUR_MS));
  const note = useSignal("");
  const until_ms = fromField(until.value);
  const fault = until_ms === null || until_ms <= cityNow() || until_ms > cityNow() + 30 * 24 * HOUR_MS;
  return (
    <fieldset class="choices">
      <legend>{e.snoozeUntil}</legend>
      <div class="row-of tight">
        {SNOOZES_H.map(hours => (
          <button
            key={hours}
            type="button"
            class="button"
            onClick={() => {
              until.value = toField(cityNow() + hours * HOUR_MS);
            }}
          >
            {e.inHours(hours)}
          </button>
        ))}
      </div>
      <input
        class="field"
        type="datetime-local"
        aria-label={e.snoozeUntil}
        data-testid={`${prefix}until`}
        value={until.value}
        onInput={event => {
          until.value = event.currentTarget.value;
        }}
      />
      {fault && <p class="note bad">{e.snoozeFault}</p>}
      <NoteField value={note} />
      <button
        type="button"
        class="button main"
        data-testid={`${prefix}snooze-send`}
        disabled={busy || fault}
        onClick={() => void send("snooze", { until_ms: until_ms ?? 0, ...noted(note.value) })}
      >
        {e.snoozeSend}
      </button>
    </fieldset>
  );
}

function Noting({ send, prefix, busy }: FormProps) {
  const note = useSignal("");
  return (
    <fieldset class="choices">
      <NoteField value={note} />
      <button
        type="button"
        class="button"
        data-testid={`${prefix}note-send`}
        disabled={busy || !note.value.trim()}
        onClick={() => void send("note", noted(note.value))}
      >
        {words.value.alerts.save}
      </button>
    </fieldset>
  );
}

const noted = (text: string): { note?: string } => (text.trim() ? { note: text.trim() } : {});

function NoteField({ value }: { value: { value: string } }) {
  const w = words.value.alerts;
  return (
    <textarea
      class="field"
      rows={2}
      maxLength={2_000}
      aria-label={w.notePlaceholder}
      placeholder={w.notePlaceholder}
      value={value.value}
      onInput={event => {
        value.value = event.currentTarget.value;
      }}
    />
  );
}
