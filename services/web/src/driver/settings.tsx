/** What a driver sets once: language, colours, hand, position of the phone. */

import { LanguageButton } from "../ui/header.tsx";
import { words } from "../words/index.ts";
import { phonePlace, usePhonePlace } from "./driving.ts";
import { chooseHand, chooseLight, HANDS, hand, LIGHTS, light } from "./look.ts";
import { VoiceButtons } from "./moving.tsx";

export function Settings() {
  const w = words.value.drive;
  return (
    <div class="settings">
      <LanguageButton />
      <VoiceButtons />
      <fieldset>
        <legend class="soft">{w.theme.label}</legend>
        {LIGHTS.map(one => (
          <button
            key={one}
            type="button"
            class="button"
            data-testid={`light-${one}`}
            aria-pressed={light.value === one}
            onClick={() => chooseLight(one)}
          >
            {w.theme[one]}
          </button>
        ))}
      </fieldset>
      <fieldset>
        <legend class="soft">{w.hand.label}</legend>
        {HANDS.map(one => (
          <button
            key={one}
            type="button"
            class="button"
            data-testid={`hand-${one}`}
            aria-pressed={hand.value === one}
            onClick={() => chooseHand(one)}
          >
            {w.hand[one]}
          </button>
        ))}
      </fieldset>
      <button
        type="button"
        class="button"
        data-testid="phone-place"
        aria-pressed={phonePlace.value === "on"}
        onClick={() => usePhonePlace(phonePlace.value !== "on")}
      >
        {w.phonePlace}
      </button>
      {phonePlace.value === "refused" && <p class="note bad">{w.phonePlaceNo}</p>}
    </div>
  );
}
