/** "Give the rest of this truck's stops away": all it still has to collect goes into the draft, at those who could take it. */

import { useSignal } from "@preact/signals";
import { mayDispatch } from "../session.ts";
import { failureText } from "../ui/command.tsx";
import { words } from "../words/index.ts";
import { giveAway } from "./draft.ts";

export function GiveAway({ truck_id, stops }: { truck_id: string; stops: number }) {
  const w = words.value.draft;
  const working = useSignal(false);
  const said = useSignal("");
  if (!mayDispatch() || !stops) return null;
  const ask = async () => {
    working.value = true;
    said.value = "";
    try {
      const left = await giveAway(truck_id);
      said.value = left ? w.nobodyTakes(left) : w.shared;
    } catch (problem) {
      said.value = failureText(problem);
    } finally {
      working.value = false;
    }
  };
  return (
    <p class="row-of">
      <button type="button" class="button" data-testid="give-away" disabled={working.value} onClick={() => void ask()}>
        {working.value ? w.asking : w.giveAway(stops)}
      </button>
      <span class="soft" role="status">
        {said.value}
      </span>
    </p>
  );
}
