/** The desk's single keys: what each does. */

import { useEffect } from "preact/hooks";
import { KeySheet } from "../ui/key_sheet.tsx";
import { hearKeys, type Keys as KeysOf, showKeys } from "../ui/keys.ts";
import { focusedKey, rowsOnPage } from "../ui/rows.tsx";
import { store } from "../ui/start.tsx";
import { words } from "../words/index.ts";
import { chosenTruck, following, map } from "./state.ts";

type Deed = "search" | "next" | "previous" | "follow" | "help";
const KEYS: KeysOf<Deed> = { search: "/", next: "j", previous: "k", follow: "f", help: "?" };

function act(deed: Deed): boolean {
  switch (deed) {
    case "search": {
      const field = document.querySelector<HTMLInputElement>('.list-tools input[type="search"]');
      field?.focus();
      field?.select();
      return field !== null;
    }
    case "next":
    case "previous":
      rowsOnPage.peek()?.go(deed === "next" ? 1 : -1);
      return rowsOnPage.peek() !== null;
    case "follow":
      return follow();
    case "help":
      showKeys();
      return true;
  }
}

/** Follow the chosen truck, or the one of the row with the focus; again: follow it no more. */
function follow(): boolean {
  const truck_id = chosenTruck.peek() || focusedKey();
  if (!truck_id || !store.tables.truck.get(truck_id)) return false;
  map.peek()?.follow(following.peek() === truck_id ? null : truck_id);
  return true;
}

/** Hears the keys, and is the sheet of them. */
export function Keys() {
  const w = words.value.keys;
  useEffect(() => hearKeys(KEYS, act), []);
  const lines = Object.entries(KEYS).map(([deed, key]) => [key, w.desk[deed as Deed]] as const);
  return <KeySheet lines={[...lines, [w.enterKey, w.enter]]} />;
}
