/** The officer's single keys: what each does. */

import { useEffect } from "preact/hooks";
import { neighbour, toggle } from "../domain/selection.ts";
import { isSettled } from "../domain/standing.ts";
import { mayJudge } from "../session.ts";
import { KeySheet } from "../ui/key_sheet.tsx";
import { hearKeys, type Keys as KeysOf, showKeys } from "../ui/keys.ts";
import { store } from "../ui/start.tsx";
import { words } from "../words/index.ts";
import { mayAct, open } from "./deeds.tsx";
import { type Kind, say } from "./said.ts";
import { chosen, idsOf, picked, selection, visible } from "./state.ts";

type Command = "next" | "before" | "pick" | "ack" | "confirm" | "dismiss" | "onward" | "sheet";
const KEYS: KeysOf<Command> = {
  next: "j",
  before: "k",
  pick: "x",
  ack: "a",
  confirm: "c",
  dismiss: "d",
  onward: "e",
  sheet: "?",
};

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
  sheet: showKeys,
};

/** Hears the keys, and is the sheet of them. */
export function Keys() {
  const w = words.value.keys.officer;
  useEffect(
    () =>
      hearKeys(KEYS, command => {
        DO[command]();
        return true;
      }),
    [],
  );
  return <KeySheet lines={Object.entries(KEYS).map(([command, key]) => [key, w[command as Command]])} />;
}
