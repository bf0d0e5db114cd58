/** The officer's keys: single letters, which can be switched off (WCAG 2.1.4), and the sheet that shows them. */

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { neighbour, toggle } from "../domain/selection.ts";
import { isSettled } from "../domain/standing.ts";
import { remember, remembered } from "../remember.ts";
import { mayJudge } from "../session.ts";
import { store } from "../ui/start.tsx";
import { words } from "../words/index.ts";
import { COMMANDS, type Command, commandOf } from "./commands.ts";
import { mayAct, open } from "./deeds.tsx";
import { type Kind, say } from "./said.ts";
import { chosen, idsOf, picked, selection, visible } from "./state.ts";

export const keysOn = signal(remembered("enforcement.keys") !== "off");
export const showKeys = signal(false);

/** What the keys act on: what is picked, else what is open. */
function meant() {
  if (picked.value.length) return picked.value;
  const alert = store.tables.alert.get(chosen.value);
  return alert ? [alert] : [];
}

function move(id: string | null): void {
  if (id === null) return;
  chosen.value = id;
  requestAnimationFrame(() => {
    const row = document.querySelector<HTMLElement>(`[data-testid="alert-row"][data-alert-id="${CSS.escape(id)}"]`);
    row?.scrollIntoView({ block: "nearest" });
  });
}

/** The next row that is still to be decided. */
function onward(): void {
  const ids = visible.value;
  const after = ids.slice(ids.indexOf(chosen.value) + 1);
  const waits = (id: string) => {
    const alert = store.tables.alert.get(id);
    return alert !== undefined && !isSettled(alert);
  };
  move(after.find(waits) ?? ids.find(id => id !== chosen.value && waits(id)) ?? null);
}

function act(kind: Kind): void {
  const alerts = meant();
  if (!alerts.length || !mayAct(alerts) || (kind !== "ack" && !mayJudge())) return;
  void say(kind, alerts);
}

const DO: Record<Command, () => void> = {
  next: () => move(neighbour(visible.value, chosen.value, 1)),
  before: () => move(neighbour(visible.value, chosen.value, -1)),
  pick: () => {
    if (chosen.value) selection.value = toggle(selection.value, idsOf(chosen.value));
  },
  ack: () => act("ack"),
  confirm: () => act("confirm"),
  dismiss: () => {
    if (meant().length && mayJudge()) open.value = { form: "dismiss", place: picked.value.length ? "bulk-" : "" };
  },
  onward,
  sheet: () => {
    showKeys.value = true;
  },
};

/** Listen as long as the page lives. */
export function useKeys(): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (!keysOn.value || showKeys.value || event.defaultPrevented) return;
      const command = commandOf(event);
      if (!command) return;
      event.preventDefault();
      DO[command]();
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, []);
}

export function KeySheet() {
  const w = words.value.enf.keys;
  const sheet = useRef<HTMLDialogElement>(null);
  const shown = showKeys.value;
  useEffect(() => {
    if (shown) sheet.current?.showModal();
  }, [shown]);
  if (!shown) return null;
  return (
    <dialog
      ref={sheet}
      class="sheet"
      aria-label={w.title}
      data-testid="key-sheet"
      onClose={() => {
        showKeys.value = false;
      }}
    >
      <h2>{w.title}</h2>
      <dl class="keys">
        {Object.entries(COMMANDS).map(([key, command]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{w.of[command]}</dd>
          </div>
        ))}
      </dl>
      <label class="row-of tight">
        <input
          type="checkbox"
          data-testid="keys-on"
          checked={keysOn.value}
          onChange={event => {
            keysOn.value = event.currentTarget.checked;
            remember("enforcement.keys", keysOn.value ? "on" : "off");
          }}
        />{" "}
        {w.on}
      </label>
      <form method="dialog">
        <button type="submit" class="button main">
          {w.close}
        </button>
      </form>
    </dialog>
  );
}
