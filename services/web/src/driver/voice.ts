/** What the phone says aloud: only with a voice that is on the phone itself, else a chime. */

import { computed, signal } from "@preact/signals";
import { remember, remembered } from "../remember.ts";
import { chime } from "../ui/chime.ts";
import { language } from "../words/index.ts";

export const muted = signal(remembered("muted") === "yes");

export function setMuted(to: boolean): void {
  muted.value = to;
  remember("muted", to ? "yes" : "no");
  if (to) globalThis.speechSynthesis?.cancel();
}

type Voice = Pick<SpeechSynthesisVoice, "lang" | "localService">;

/** The first voice of the language that needs no network: what is said where nobody hears stays on the phone. */
export function voiceFor<V extends Voice>(voices: readonly V[], tag: "zh" | "en"): V | null {
  const speaks = (one: V) => one.lang.toLowerCase().split(/[-_]/)[0] === tag;
  return voices.find(one => one.localService && speaks(one)) ?? null;
}

const voices = signal<SpeechSynthesisVoice[]>([]);
const synthesis = globalThis.speechSynthesis as SpeechSynthesis | undefined;
if (synthesis) {
  const look = () => {
    voices.value = synthesis.getVoices();
  };
  look();
  synthesis.addEventListener?.("voiceschanged", look);
}

const voice = computed(() => voiceFor(voices.value, language.value));

/** The last thing said, for who did not hear it. */
let last = "";

/** Say it, unless muted; what is being said ends. Without a voice of the phone's own it chimes, or does nothing. */
export function speak(text: string, otherwise: "chime" | "nothing" = "chime"): void {
  last = text;
  if (muted.peek()) return;
  const by = voice.peek();
  if (!by || !synthesis) {
    if (otherwise === "chime") chime("change");
    return;
  }
  synthesis.cancel();
  const said = new SpeechSynthesisUtterance(text);
  said.voice = by;
  said.lang = by.lang;
  synthesis.speak(said);
}

export function sayAgain(): void {
  if (last) speak(last);
}
