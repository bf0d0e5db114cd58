/** Above 8 km/h: the way and nothing else, two things to press, and the call for help. */

import { Name } from "../ui/bits.tsx";
import { words } from "../words/index.ts";
import { guidance, nextName, passengerOpens } from "./driving.ts";
import { unconfirmed } from "./state.ts";
import { TurnCard } from "./turn_card.tsx";
import { muted, sayAgain, setMuted } from "./voice.ts";

export function Moving() {
  const w = words.value.drive;
  const way = guidance.value;
  // the last turn of a way says the name itself
  const arriving = way?.on && way.turn.code.startsWith("arrive");
  return (
    <main class="moving" aria-label={w.moving} data-testid="moving">
      {unconfirmed.value && <p class="note changed-note">{words.value.cab.changed}</p>}
      <TurnCard />
      {!arriving && (
        <p class="place">
          <Name>{nextName.value}</Name>
        </p>
      )}
      <VoiceButtons />
      <button type="button" class="big" data-testid="passenger" onClick={passengerOpens}>
        {w.passenger}
      </button>
    </main>
  );
}

export function VoiceButtons() {
  const w = words.value.drive;
  return (
    <div class="buttons">
      <button type="button" class="big" data-testid="repeat" onClick={sayAgain}>
        ↻ {w.repeat}
      </button>
      <button
        type="button"
        class="big"
        data-testid="mute"
        aria-pressed={muted.value}
        onClick={() => setMuted(!muted.value)}
      >
        {muted.value ? w.unmute : w.mute}
      </button>
    </div>
  );
}
