/** Two short tunes made here, so that nothing is fetched. Silent where the browser wants a tap first. */

const TUNES = {
  /** A call for help: high, twice. */
  alarm: [
    [880, 0, 0.18],
    [660, 0.2, 0.18],
    [880, 0.45, 0.18],
    [660, 0.65, 0.25],
  ],
  /** Something changed: soft, once. */
  change: [
    [523, 0, 0.14],
    [784, 0.15, 0.25],
  ],
} as const;

let audio: AudioContext | null = null;

export function chime(name: keyof typeof TUNES): void {
  // before the first tap on the page the browser plays nothing and complains
  if (!navigator.userActivation?.hasBeenActive) return;
  try {
    audio ??= new AudioContext();
    if (audio.state !== "running") return void audio.resume();
    for (const [hertz, after_s, for_s] of TUNES[name]) note(audio, hertz, audio.currentTime + after_s, for_s);
  } catch {
    // no sound device: the screen says it too
  }
}

function note(on: AudioContext, hertz: number, at_s: number, for_s: number): void {
  const tone = on.createOscillator();
  const level = on.createGain();
  tone.frequency.value = hertz;
  level.gain.setValueAtTime(0.0001, at_s);
  level.gain.exponentialRampToValueAtTime(0.2, at_s + 0.02);
  level.gain.exponentialRampToValueAtTime(0.0001, at_s + for_s);
  tone.connect(level).connect(on.destination);
  tone.start(at_s);
  tone.stop(at_s + for_s);
}
